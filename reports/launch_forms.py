"""A plan's launch in the forms that other programs read."""

from ..advisors.plan import Plan


def render_form(plan: Plan, form: str) -> str:
    """`shell`, `systemd`, `compose`, `modelfile` or `markdown`."""
    if form == "shell":
        from .launch_shell import render_shell

        return render_shell(plan)
    if form == "systemd":
        from .launch_systemd import render_systemd

        return render_systemd(plan)
    if form == "compose":
        from .launch_compose import render_compose

        return render_compose(plan)
    if form == "modelfile":
        from ..advisors.backends.ollama import modelfile

        return modelfile(plan.model.path, plan.placement, plan.run, plan.threads)
    from .plan_markdown import render_plan_markdown

    return render_plan_markdown(plan)
