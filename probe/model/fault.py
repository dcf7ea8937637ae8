"""The one error of this folder."""

MAX_FAULT = 240


class BadModel(Exception):
    """A model that cannot be read. The message is one line that names the file and the fault."""

    def __init__(self, path: str, fault: str) -> None:
        if len(fault) > MAX_FAULT:  # A key or a name in the file may be as long as the file likes.
            fault = f"{fault[:MAX_FAULT]}..."
        super().__init__(f"{path}: {fault}")
        self.path = path
        self.fault = fault
