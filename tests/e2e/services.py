"""Many services whose images are there already, and serve: they have the same code, so one build is enough for all."""

import json
import shutil
from collections.abc import Sequence

from tests.e2e.jobs import Job


def lay_out_services(job: Job, services: Sequence[str]) -> None:
    """Write a folder for each service and a manifest, and have its function serve by an alias what it is built from.

    The image of the first is built, and its manifest put into the repositories of the others.
    """
    ecr, folder = job.aws.client("ecr"), job.workspace
    for service in services:
        (folder / service).mkdir()
        shutil.copy(folder / "app.py", folder / service)
        ecr.create_repository(repositoryName=f"{job.name}/{service}")
    images = {service: {"context": service, "functions": [f"{job.name}-{service}"]} for service in services}
    defaults = {"dockerfile": "Dockerfile", "repository-prefix": f"{job.name}/", "alias": "live"}
    (folder / "deploy.yaml").write_text(json.dumps({"version": 1, "defaults": defaults, "images": images}))

    built = job.step({"mode": "build", "manifest": "deploy.yaml", "only": services[0]})
    assert built.exit_code == 0, built.log
    digest = built.outputs["image-digest"]
    (tag,) = (tag for tag in built.outputs["image-tags"].splitlines() if tag.startswith("src-"))
    (image,) = ecr.batch_get_image(repositoryName=f"{job.name}/{services[0]}", imageIds=[{"imageTag": tag}])["images"]
    for service in services:
        repository, function = f"{job.name}/{service}", f"{job.name}-{service}"
        if service != services[0]:
            ecr.put_image(repositoryName=repository, imageManifest=image["imageManifest"], imageTag=tag)
        job.aws.create_functions([function], f"{job.aws.registry}/{repository}@{digest}", alias="live")
