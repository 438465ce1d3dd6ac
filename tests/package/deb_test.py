# SPDX-License-Identifier: Apache-2.0
"""Makes the Debian package of a build, unpacks it into a folder and runs the program from there.
usage: deb_test.py --build FOLDER; ends with 77, saying so, without dpkg's tools."""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


def output(*words, **more):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def expect(true, what):
    if not true:
        sys.exit(f"expected {what}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    build = pathlib.Path(parser.parse_args().build).resolve()
    missing = [name for name in ["dpkg-deb", "dpkg-shlibdeps"] if shutil.which(name) is None]
    if missing:
        print(f"skipped: {', '.join(missing)} not found (Debian: dpkg-dev)")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="dojosim-deb-") as place:
        folder = pathlib.Path(place)
        output("cpack", "--config", build / "CPackConfig.cmake", "-B", folder, "-D", "CPACK_COMPONENTS_ALL=program", cwd=build)
        [package] = folder.glob("dojosim_*.deb")
        about = output("dpkg-deb", "--info", package)
        for word in ["libsystemc", "libsqlite3-0", "libprotobuf32", "libc6", "Section: science"]:
            expect(word in about, f"{word} in\n{about}")
        expect("-dev" not in about, f"no development packages in\n{about}")
        output("dpkg-deb", "--extract", package, folder / "root")
        root = folder / "root/usr"
        for file in ["bin/dojosim", "share/man/man1/dojosim-run.1", "share/bash-completion/completions/dojosim",
                     "share/dojosim/configs/machines/exapod.json", "share/doc/dojosim/copyright",
                     "share/doc/dojosim/CHANGELOG.md"]:
            expect((root / file).is_file(), f"the package to hold {file}")
        environment = {"PATH": os.environ["PATH"]}
        output(root / "bin/dojosim", "run", root / "share/dojosim/configs/runs/matmul_die.json", "--out", "out", cwd=folder,
               env=environment)
        expect((folder / "out/report.html").is_file(), "a report")


if __name__ == "__main__":
    main()
