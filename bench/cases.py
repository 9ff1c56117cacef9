"""What is measured: for each case, what happens before a run and what each way does then."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bench.figures import Way
from bench.place import Place
from bench.projects import Monorepo, Subject, commit, subjects, write_hello, write_large, write_packages
from bench.ways import COPY, LOGIN, MANY, ROLL_BACK, UPDATE, Run, run_action, run_script
from sandbox.aws.tiny_images import push_tiny_image
from sandbox.errors import SandboxError


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one way does in a case.

    Attributes:
        way: The way.
        before: Called before each run with its number; not measured.
        run: Makes the run of this number; the second argument is whether to watch its memory.
        changes: Whether another image serves after it; None if it may, but need not.
    """

    way: Way
    before: Callable[[int], None]
    run: Callable[[int, bool], Run]
    changes: bool | None = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case.

    Attributes:
        name: For `--only`.
        title: For the page.
        attempts: Sets it up on a place, and returns what each way does.
        latencies: Milliseconds that each call takes, by the kind of engine; not measured on the others.
        runs: How often each way runs at each latency; 0 for as often as `--runs` says.
        once: Ways that run a single time, with the latency to do it at; their calls are not counted.
    """

    name: str
    title: str
    attempts: Callable[[Place], Sequence[Attempt]]
    latencies: Mapping[str, Sequence[int]]
    runs: int = 0
    once: Mapping[Way, int] = field(default_factory=dict)


_ALL: Sequence[Way] = ("action", "pipeline", "floor")
_WITHOUT_FLOOR: Sequence[Way] = ("action", "pipeline")


def _code_only(place: Place) -> list[Attempt]:
    made = subjects(place, "code", _ALL, write=write_hello, alias=False)
    return [Attempt(way=one.way, before=one.change, run=one.run, changes=one.way != "floor") for one in made]


def _by_alias(place: Place) -> list[Attempt]:
    made = subjects(place, "alias", _WITHOUT_FLOOR, write=write_hello, alias=True)
    return [Attempt(way=one.way, before=one.change, run=one.run) for one in made]


def _nothing(place: Place) -> list[Attempt]:
    made = subjects(place, "nothing", _ALL, write=write_hello, alias=True)
    return [Attempt(way=one.way, before=_leave, run=_always(one.run), changes=_unless_built_anew(one)) for one in made]


def _new_commit(place: Place) -> list[Attempt]:
    made = subjects(place, "commit", _ALL, write=write_hello, alias=True)
    return [
        Attempt(way=one.way, before=one.check_out_anew, run=one.run, changes=_unless_built_anew(one)) for one in made
    ]


def _cold(place: Place) -> list[Attempt]:
    made = subjects(place, "cold", _ALL, write=write_packages, alias=False)

    def before(one: Subject, number: int) -> None:
        one.change(number)
        place.engine.docker("builder", "prune", "--all", "--force")

    return [Attempt(way=one.way, before=partial(before, one), run=one.run, changes=one.way != "floor") for one in made]


def _large(place: Place) -> list[Attempt]:
    made = subjects(place, "large", _ALL, write=write_large, alias=False)
    return [Attempt(way=one.way, before=one.change, run=one.run, changes=one.way != "floor") for one in made]


def _many(number_of_images: int, place: Place) -> list[Attempt]:
    name = f"many{number_of_images}"
    services = [f"s{number:02}" for number in range(number_of_images)]
    repos = {
        way: Monorepo(place=place, name=name, services=services, workspace=place.folder / f"{name}-{way}")
        for way in _WITHOUT_FLOOR
    }
    functions = [f"{name}-{way}-{service}" for way in repos for service in services]
    place.create([f"{name}/{service}" for service in services], functions)
    for way, repo in repos.items():
        repo.lay_out(f"{name}-{way}-")

    def deploy(number: int, watch: bool) -> Run:
        return run_action(place, repos["action"].workspace, {"manifest": "deploy.json"}, commit(number), watch=watch)

    def loop(number: int, watch: bool) -> Run:
        variables = {
            "COMMIT": commit(number),
            "CONTEXT": str(repos["pipeline"].workspace),
            "FUNCTIONS": f"{name}-pipeline-",
            "OPTIONS": place.build_options(),
            "REGISTRY": place.aws.registry,
            "REPOSITORIES": f"{place.aws.registry}/{name}",
            "SERVICES": " ".join(services),
        }
        return run_script(MANY, place.environment() | variables, watch=watch)

    return [
        Attempt(way="action", before=repos["action"].change, run=deploy),
        Attempt(way="pipeline", before=repos["pipeline"].change, run=loop),
    ]


def _rollback(place: Place) -> list[Attempt]:
    place.create(["rollback"], ["rollback-action", "rollback-pipeline"])
    empty = place.folder / "rollback"
    empty.mkdir()
    deploying = {"function-name": "rollback-action", "alias": "live"}
    good = list[str]()

    def deploy(number: int) -> None:
        """Release an image that is to be rolled back."""
        uri = push_tiny_image(place.aws, "rollback", f"bad {number}")
        expect(run_action(place, empty, {**deploying, "image-uri": uri}, commit(number)))

    def roll_back(number: int, watch: bool) -> Run:
        return run_action(place, empty, {**deploying, "mode": "rollback"}, commit(number), watch=watch)

    def release(number: int) -> None:
        good.append(place.version("rollback-pipeline"))
        place.release("rollback-pipeline", push_tiny_image(place.aws, "rollback", f"bad too {number}"))

    def point(_number: int, watch: bool) -> Run:
        variables = {"FUNCTION": "rollback-pipeline", "VERSION": good[-1]}
        return run_script(ROLL_BACK, place.environment() | variables, watch=watch)

    return [
        Attempt(way="action", before=deploy, run=roll_back),
        Attempt(way="pipeline", before=release, run=point),
    ]


def _promotion(place: Place) -> list[Attempt]:
    """Deploy what another function serves, from another repository."""
    (source,) = subjects(place, "dev", ["floor"], write=write_hello, alias=True)
    place.create(["prod"], ["prod-action", "prod-pipeline"])
    empty = place.folder / "prod"
    empty.mkdir()

    def release(number: int) -> None:
        source.change(number)
        expect(source.run(number, False))
        place.release(source.function, source.variables(number)["IMAGE"])

    def promote(number: int, watch: bool) -> Run:
        inputs = {"function-name": "prod-action", "promote-from": f"{source.function}:live"}
        return run_action(place, empty, inputs, commit(number), watch=watch)

    def copy(number: int, watch: bool) -> Run:
        variables = {
            "FUNCTION": "prod-pipeline",
            "IMAGE": f"{place.aws.registry}/prod:{commit(number)}",
            "REGISTRY": place.aws.registry,
            "SOURCE": source.variables(number)["IMAGE"],
        }
        return run_script(LOGIN + COPY + UPDATE, place.environment() | variables, watch=watch)

    return [
        Attempt(way="action", before=release, run=promote),
        Attempt(way="pipeline", before=release, run=copy),
    ]


def expect(run: Run) -> None:
    """Expect that a run succeeds.

    Raises:
        SandboxError: It has not; the message has the end of its log.
    """
    if run.exit_code != 0:
        raise SandboxError(f"a run ended with {run.exit_code}:\n{run.log[-3000:]}")


def _unless_built_anew(subject: Subject) -> bool | None:
    """Return whether a deployment of the same content changes what serves: `docker build` may date it anew."""
    return None if subject.way == "pipeline" else False


def _leave(_number: int) -> None:
    pass


def _always(run: Callable[[int, bool], Run]) -> Callable[[int, bool], Run]:
    """Return the same run for each number: that of one commit."""
    return lambda _number, watch: run(0, watch)


# No more than a whole run within half an hour on two processors has time for.
_FULL = {"20.10": (0, 20, 100), "current": (0, 100)}
_ENDS = {"20.10": (0, 100), "current": (0, 100)}
_ONE_ENGINE = {"20.10": (0, 100)}

CASES = (
    Case(name="code", title="One line changed", attempts=_code_only, latencies=_FULL),
    Case(name="alias", title="One line changed, released by alias", attempts=_by_alias, latencies=_FULL),
    Case(name="nothing", title="Nothing changed, by alias", attempts=_nothing, latencies=_ENDS),
    Case(name="commit", title="New commit, same content, by alias", attempts=_new_commit, latencies=_ONE_ENGINE),
    Case(name="cold", title="One line changed, builder without cache", attempts=_cold, latencies=_ENDS, runs=2),
    Case(name="large", title="One line changed over a layer of 300 MB", attempts=_large, latencies=_ENDS, runs=2),
    Case(
        name="many12",
        title="12 images, one changed, by alias",
        attempts=partial(_many, 12),
        latencies=_ENDS,
        runs=2,
        once={"pipeline": 0},
    ),
    Case(
        name="many60",
        title="60 images, one changed, by alias",
        attempts=partial(_many, 60),
        latencies=_ONE_ENGINE,
        runs=2,
        once={"pipeline": 0},
    ),
    Case(name="rollback", title="Rollback by alias", attempts=_rollback, latencies=_ONE_ENGINE),
    Case(name="promotion", title="Promotion from another function", attempts=_promotion, latencies=_ONE_ENGINE),
)
