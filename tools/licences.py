"""Prints the licences of everything that the program is compiled from: crates, and npm packages of the pages.

What belongs to them is taken from the sources that cargo and npm have fetched for the build.
"""

import json
import pathlib
import subprocess

NAMES = ("licen", "copying", "notice", "unlicense")


def crates():
    """Name, version, licence and folder of each crate that is compiled into the program."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--offline"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    found, waiting = set(), [root]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            # Null is the kind of what is neither for the build alone nor for tests.
            if dependency["pkg"] not in found and any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                found.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    for package in sorted((packages[name] for name in found), key=lambda package: package["name"]):
        folder = pathlib.Path(package["manifest_path"]).parent
        yield package["name"], package["version"], package["license"], folder


def npm_packages():
    """The same of each package in web/node_modules that the pages are bundled from."""
    lock = json.loads(pathlib.Path("web/package-lock.json").read_text())
    for path, entry in sorted(lock["packages"].items()):
        folder = pathlib.Path("web") / path
        # esbuild bundles, and is not bundled itself.
        if path and not entry.get("dev") and "esbuild" not in path and folder.is_dir():
            yield path.rsplit("node_modules/", 1)[-1], entry["version"], entry.get("license"), folder


def texts(folder):
    """What the licence files of a package say, each text once; also those of C sources that it brings in a folder."""
    candidates = [*sorted(folder.iterdir()), *sorted(folder.glob("*/*"))]
    files = (file for file in candidates if file.is_file() and file.name.lower().startswith(NAMES))
    return dict.fromkeys(file.read_text(encoding="utf-8", errors="replace").strip() for file in files)


def main():
    packages_of, without = {}, []
    for name, version, licence, folder in [*crates(), *npm_packages()]:
        line = f"{name} {version}: {licence or 'see the text'}"
        found = texts(folder)
        for text in found:
            packages_of.setdefault(text, []).append(line)
        if not found:
            without.append(line)
    for text, packages in packages_of.items():
        print("=" * 100, *packages, "", text, "", sep="\n")
    print("=" * 100, "Without a text of their own; the licences that they declare:", *without, sep="\n")


main()
