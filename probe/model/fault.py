"""The one error of this folder."""


class BadModel(Exception):
    """A model that cannot be read. The message is one line that names the file and the fault."""

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(f"{path}: {fault}")
        self.path = path
        self.fault = fault
