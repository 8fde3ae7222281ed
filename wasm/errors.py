"""The one exception that reading a module may raise."""


class WasmError(ValueError):
    """A module that cannot be read or is not valid.

    `offset` is the byte in the module where the fault was noticed, `message` one line that says
    what is wrong there, without the offset.
    """

    def __init__(self, offset: int, message: str) -> None:
        """Keep both parts; the text of the exception is `offset N: message`."""
        super().__init__(offset, message)
        self.offset = offset
        self.message = message

    def __str__(self) -> str:
        """Return the message with its offset in front."""
        return f"offset {self.offset}: {self.message}"
