"""Systems Manager in memory."""

from tests.unit.fakes.events import Recording


class FakeParameters(Recording):
    """The parameters of an account.

    Attributes:
        there: values by name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.there: dict[str, str] = {}

    def read(self, name: str) -> str:
        self.enter("read_parameter", name)
        return self.there.get(name, "")

    def put(self, name: str, value: str) -> None:
        self.enter("write_parameter", name)
        self.there[name] = value
