"""Writes the list of an image's parts (SBOM) in CycloneDX: each with its licence and the digests that the lock
allows.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from image_tools.build import Built
from image_tools.engine import run_docker
from image_tools.lock_rules import normalize_name, parse_pins

INSIDE = Path(__file__).with_name("list_packages.py")


def write_sbom(built: Built, lock: Path, target: Path) -> int:
    """Writes the parts of the image to `target`; returns how many there are. `lock`: its requirements file.

    Raises EngineError when the image does not start.
    """
    arguments = ("run", "--rm", "--interactive", "--read-only", "--network=none", built.name, "python", "-I", "-")
    parts = json.loads(run_docker(*arguments, stdin=INSIDE.read_text()))
    bom = _build_bom(built, parts, {pin.name: pin.digests for pin in parse_pins(lock.read_text())})
    target.write_text(JsonV1Dot6(bom).output_as_string(indent=1) + "\n")
    return len(bom.components)


def _build_bom(built: Built, parts: Mapping[str, list[dict[str, str]]], digests: Mapping[str, tuple[str, ...]]) -> Bom:
    name, _, version = built.name.partition(":")
    image = Component(name=name, version=version, type=ComponentType.CONTAINER, bom_ref=built.name)
    bom = Bom()
    bom.metadata.component = image
    python = [_build_python_component(part, digests.get(normalize_name(part["name"]), ())) for part in parts["python"]]
    for component in (*python, *map(_build_debian_component, parts["debian"])):
        bom.components.add(component)
        bom.register_dependency(component)
    bom.register_dependency(image, bom.components)
    return bom


def _build_python_component(part: Mapping[str, str], digests: tuple[str, ...]) -> Component:
    component = _build_component(part, PackageURL("pypi", None, normalize_name(part["name"]), part["version"]))
    if digests:
        # One of these is the archive that was installed: a lock allows one for each kind of machine.
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in digests]
        where = XsUri(str(component.purl))
        component.external_references.add(
            ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=where, hashes=hashes)
        )
    return component


def _build_debian_component(part: Mapping[str, str]) -> Component:
    qualifiers = {"arch": part["architecture"], "distro": "bookworm"}
    return _build_component(part, PackageURL("deb", "debian", part["name"], part["version"], qualifiers))


def _build_component(part: Mapping[str, str], url: PackageURL) -> Component:
    component = Component(
        name=part["name"], version=part["version"], type=ComponentType.LIBRARY, purl=url, bom_ref=url.to_string()
    )
    if part["licence"]:
        component.licenses.add(LicenseFactory().make_from_string(part["licence"]))
    return component
