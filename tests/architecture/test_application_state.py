"""What a process's routes find is one typed object: nothing else hangs on an application's state."""

from tests.architecture.reading import PACKAGES

HOME = PACKAGES / "server/src/mercato/edge/wiring.py"


def test_only_one_module_touches_the_state_of_an_application() -> None:
    files = [*PACKAGES.glob("server/src/**/*.py"), *(PACKAGES.parent / "tests").rglob("*.py")]
    found = [str(file) for file in files if "app" + ".state" in file.read_text()]
    assert found == [str(HOME)]
