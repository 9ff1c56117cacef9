"""Questions to AWS that no documentation answers, and what the action or its tests assume meanwhile."""

import re
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import requests
from botocore.exceptions import BotoCoreError, ClientError

from live.lab import POLL, Lab
from live.report import Seen, Verdict

_ALLOCATION = 300  # seconds that provisioned concurrency is watched
_LATER = 15  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A question.

    Attributes:
        name: what is asked.
        assumed: what the action or the sandbox relies on.
        ask: asks AWS, and returns what was seen.
        pattern: matches what is seen if it is as assumed; None where nothing relies on the answer.
    """

    name: str
    assumed: str
    ask: Callable[[Lab], str]
    pattern: re.Pattern[str] | None = None


def ask_all(lab: Lab) -> Iterator[Seen]:
    """Ask each question, also after one could not be asked."""
    for fact in FACTS:
        try:
            text = fact.ask(lab)
        except (BotoCoreError, ClientError, requests.RequestException, LookupError, OSError) as error:
            yield Seen(name=fact.name, assumed=fact.assumed, text=f"{error}", verdict=Verdict.NOT_ASKED)
            continue
        verdict = Verdict.RECORDED
        if fact.pattern:
            verdict = Verdict.AS_ASSUMED if fact.pattern.search(text) else Verdict.OTHERWISE
        yield Seen(name=fact.name, assumed=fact.assumed, text=text, verdict=verdict)


def _index(lab: Lab) -> str:
    index, _ = lab.put_index("index")
    return lab.update(lab.uri(index))


def _member(lab: Lab) -> str:
    _, member = lab.put_index("member")
    answer = lab.update(lab.uri(member))
    runs = lab.settled()["Code"]["ResolvedImageUri"] == lab.uri(member)
    return f"{answer}; it runs {'that digest' if runs else 'another one'}"


def _dual_stack(lab: Lab) -> str:
    host = re.sub(r"\.dkr\.ecr\.([\w-]+)\.amazonaws\.com.*", r".dkr-ecr.\1.on.aws", lab.registry)
    answer = lab.update(lab.uri(lab.digest, host=host))
    return f"{answer}; it runs {lab.settled()['Code']['ResolvedImageUri'].partition('/')[0]}"


def _absent(lab: Lab) -> str:
    return lab.update(lab.uri(f"sha256:{64 * '0'}"))


def _in_progress(lab: Lab) -> str:
    client = lab.client("lambda")
    answer = client.update_function_code(FunctionName=lab.name, ImageUri=lab.uri(lab.digest))
    meanwhile = lab.update(lab.uri(lab.digest))
    lab.settled()
    return (
        f"{answer['LastUpdateStatus']} {answer.get('LastUpdateStatusReasonCode', 'without a reason code')}; {meanwhile}"
    )


def _publication(lab: Lab) -> str:
    client = lab.client("lambda")
    before = lab.settled()["Configuration"]["RevisionId"]
    version = client.publish_version(FunctionName=lab.name)
    after = lab.settled()["Configuration"]["RevisionId"]
    again = client.publish_version(FunctionName=lab.name)
    return (
        f"State {version['State']}; the RevisionId of $LATEST {'changes' if before != after else 'stays'}; "
        f"published again: {'the same' if again['Version'] == version['Version'] else 'another'} version"
    )


def _allocation(lab: Lab) -> str:
    client = lab.client("lambda")
    alias = {"FunctionName": lab.name, "Name": "provisioned"}
    client.update_function_code(FunctionName=lab.name, ImageUri=lab.uri(lab.digest))
    lab.settled()
    old, new = "1", client.publish_version(FunctionName=lab.name)["Version"]
    client.create_alias(**alias, FunctionVersion=old)
    config = {"FunctionName": lab.name, "Qualifier": "provisioned"}
    client.put_provisioned_concurrency_config(**config, ProvisionedConcurrentExecutions=1)
    _status_after(lab, config)
    moved = client.update_alias(**alias, FunctionVersion=new)
    shown = client.get_alias(**alias)
    status = client.get_provisioned_concurrency_config(**config)["Status"]
    at_the_end = _status_after(lab, config)
    left = client.get_alias(**alias)
    client.delete_provisioned_concurrency_config(**config)
    return (
        f"UpdateAlias {_weights(moved, old)}, GetAlias {_weights(shown, old)} while {status}, "
        f"{_weights(left, old)} when {at_the_end}"
    )


def _weights(alias: dict[str, dict[str, dict[str, float]]], old: str) -> str:
    weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return f"{weights[old]:g} to the old version" if old in weights else "no weights"


def _status_after(lab: Lab, config: dict[str, str]) -> str:
    deadline = time.monotonic() + _ALLOCATION
    while True:
        answer = lab.client("lambda").get_provisioned_concurrency_config(**config)
        if answer["Status"] != "IN_PROGRESS" or time.monotonic() > deadline:
            return f"{answer['Status']} {answer.get('StatusReason', '')}".strip()
        time.sleep(POLL)


def _failed_creation(lab: Lab) -> str:
    manifest = lab.manifest()
    for layer in manifest["layers"]:
        layer["mediaType"] = "application/vnd.oci.image.layer.v1.tar+zstd"
    digest, _ = lab.put(manifest, "broken")
    lab.client("lambda").create_function(
        FunctionName=lab.broken, PackageType="Image", Code={"ImageUri": lab.uri(digest)}, Role=lab.execution_role
    )
    state = lab.settled(lab.broken)["Configuration"]
    return f"State {state['State']} {state.get('StateReasonCode', '')}; {lab.update(lab.uri(lab.digest), lab.broken)}"


def _same_manifest(lab: Lab) -> str:
    manifest = lab.manifest()
    lab.put(manifest, "twice")
    return lab.answer(lambda: lab.put(manifest, "twice"))


def _same_push(lab: Lab) -> str:
    ecr = lab.client("ecr")
    image = ecr.batch_get_image(repositoryName=lab.name, imageIds=[{"imageTag": "twice"}])["images"][0]
    answer = requests.put(
        f"{lab.login['proxyEndpoint']}/v2/{lab.name}/manifests/twice",
        data=image["imageManifest"].encode(),
        headers={
            "Authorization": f"Basic {lab.login['authorizationToken']}",
            "Content-Type": image["imageManifestMediaType"],
        },
        timeout=30,
    )
    return f"HTTP {answer.status_code} {answer.text}"


def _without_login(lab: Lab) -> str:
    answer = requests.get(f"{lab.login['proxyEndpoint']}/v2/", timeout=30)
    return f"HTTP {answer.status_code}, WWW-Authenticate: {answer.headers.get('WWW-Authenticate', 'none')}"


def _layer_address(lab: Lab) -> str:
    digest = lab.manifest()["config"]["digest"]
    address = lab.client("ecr").get_download_url_for_layer(repositoryName=lab.name, layerDigest=digest)["downloadUrl"]
    return " then ".join(f"HTTP {requests.get(address, timeout=30).status_code}" for _ in range(2))


def _end_of_a_log(lab: Lab) -> str:
    answer = lab.client("lambda").invoke(FunctionName=lab.name, LogType="Tail", Payload=b"{}")
    return " … ".join(line.split(" ")[0] for line in b64decode(answer["LogResult"]).decode().splitlines()[-2:])


def _archived(lab: Lab) -> str:
    ecr, identity = lab.client("ecr"), {"imageTag": "archived"}
    manifest = {**lab.manifest(), "annotations": {"org.opencontainers.image.title": "archived"}}
    digest, _ = lab.put(manifest, "archived")
    ecr.update_image_storage_class(repositoryName=lab.name, imageId=identity, targetStorageClass="ARCHIVE")
    deadline = time.monotonic() + _LATER
    while True:
        answer = ecr.describe_images(repositoryName=lab.name, imageIds=[identity], filter={"imageStatus": "ANY"})
        status = answer["imageDetails"][0].get("imageStatus", "without imageStatus")
        if status == "ARCHIVED" or time.monotonic() > deadline:
            break
        time.sleep(POLL)
    got = ecr.batch_get_image(repositoryName=lab.name, imageIds=[identity])
    failures = [f"{failure['failureCode']}: {failure['failureReason']}" for failure in got["failures"]]
    return f"{status}; BatchGetImage: {failures or 'the manifest'}; {lab.update(lab.uri(digest))}"


FACTS = (
    Fact(
        name="UpdateFunctionCode with an index",
        assumed="refused: not supported",
        ask=_index,
        pattern=re.compile(r"^InvalidParameterValueException .*is not supported"),
    ),
    Fact(
        name="UpdateFunctionCode with the image of an index, which has no tag",
        assumed="accepted, and pinned",
        ask=_member,
        pattern=re.compile("^accepted; it runs that digest"),
    ),
    Fact(name="UpdateFunctionCode with ECR's dual-stack host", assumed="not relied on", ask=_dual_stack),
    Fact(
        name="UpdateFunctionCode with an image that is not there",
        assumed="refused: does not exist",
        ask=_absent,
        pattern=re.compile(r"^InvalidParameterValueException .*does not exist"),
    ),
    Fact(
        name="An update, and another one meanwhile",
        assumed="InProgress; 409: in progress",
        ask=_in_progress,
        pattern=re.compile(r"^InProgress .*; (accepted|ResourceConflictException \(HTTP 409\).*in progress)"),
    ),
    Fact(
        name="PublishVersion of a settled function, twice",
        assumed="a version that is not Failed; the same version again",
        ask=_publication,
        pattern=re.compile(r"^State (Active|Pending); .*the same version"),
    ),
    Fact(
        name="Weights while provisioned concurrency moves",
        assumed="GetAlias shows all traffic on the old version, none at the end",
        ask=_allocation,
        pattern=re.compile(
            r"GetAlias (1 to the old version while IN_PROGRESS|no weights while READY), no weights when READY"
        ),
    ),
    Fact(
        name="A creation that fails late, and UpdateFunctionCode then",
        assumed="State Failed; the update is not relied on",
        ask=_failed_creation,
        pattern=re.compile(r"^State Failed"),
    ),
    Fact(
        name="PutImage of the same manifest under the same immutable tag",
        assumed="refused: it exists",
        ask=_same_manifest,
        pattern=re.compile(r"^Image(Tag)?AlreadyExistsException"),
    ),
    Fact(name="A push of the same manifest to the same immutable tag", assumed="not relied on", ask=_same_push),
    Fact(
        name="The registry without a login",
        assumed="401 with a challenge",
        ask=_without_login,
        pattern=re.compile("^HTTP 401, WWW-Authenticate: Basic"),
    ),
    Fact(name="The address of a layer, used twice", assumed="not relied on", ask=_layer_address),
    Fact(
        name="The end of an invocation's log",
        assumed="END, REPORT",
        ask=_end_of_a_log,
        pattern=re.compile("^END … REPORT"),
    ),
    Fact(
        name="An archived image",
        assumed="imageStatus ARCHIVED; a manifest or ImageInaccessible; Lambda refuses it",
        ask=_archived,
        pattern=re.compile(r"^ARCHIVED; BatchGetImage: (the manifest|.*ImageInaccessible.*); (?!accepted)"),
    ),
)
