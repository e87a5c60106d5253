"""Looks at the dependency tree: how many crates, under which licences (those that deny.toml allows).

    tree.py features    prints the features that stand alone, or with one other
    tree.py check       fails if the default tree has grown too large, a licence is not allowed, a backend of
                        jsonwebtoken is switched on in the programs that use this crate, or secrets are compared
                        in a time that tells how far they agree
"""

import pathlib
import re
import subprocess
import sys
import tomllib

MOST_CRATES = 110
# Verified by whom, is for the program to say.
NEED_JWT = ("jwks", "jwks-http")

# Where secrets are compared: the file, the function, and by what.
COMPARISONS = [
    ("src/secret.rs", "fn eq(", "constant_time_eq("),
    ("src/basic/hash/argon2id.rs", "fn matches(", "constant_time_eq("),
    ("src/basic/hash/bcrypt.rs", "fn matches(", "constant_time_eq("),
    ("src/basic/hash/pbkdf2.rs", "fn matches(", "constant_time_eq("),
    ("src/jwt/backend/shared.rs", "fn verify(", ".verify_slice("),
    ("src/s3p/signing_key.rs", "fn verify(", ".verify_slice("),
    # By the comparison of `Secret`.
    ("examples/gateway/secure/form.rs", "async fn from_request(request: Request, site", "Secret::from("),
]


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], check=True, capture_output=True, text=True).stdout


def features():
    with open("Cargo.toml", "rb") as file:
        names = tomllib.load(file)["features"]
    names = [name for name in names if name not in ("default", "full") and not name.startswith("_")]
    others = [f"{name},{jwt}" for name in NEED_JWT for jwt in ("jwt", "jwt-rust-crypto")]
    return [name for name in names if name not in NEED_JWT] + others


def tree(*arguments):
    lines = cargo("tree", "--edges", "normal", *arguments, "--prefix", "none", "--format", "{p}|{l}").splitlines()
    crates = {}
    for line in lines:
        package, licence = line.replace(" (*)", "").rsplit("|", 1)
        crates[package.split(" (")[0]] = licence
    return crates


def is_allowed(licence, allowed):
    """Whether an SPDX expression (`A OR B`, `A AND B`, `A/B`) can be met."""
    for either in re.split(r" OR |/", licence.replace("(", "").replace(")", "")):
        if all(part.strip() in allowed for part in either.split(" AND ")):
            return True
    # `A AND (B OR C)`: every name in it is allowed.
    names = re.split(r" OR | AND |/", licence.replace("(", "").replace(")", ""))
    return all(name.strip() in allowed for name in names)


def backends_switched_on():
    """Two of them in one program make jsonwebtoken's own functions panic."""
    tree = cargo(
        "tree", "--edges", "normal,features", "--features", "full", "--invert", "jsonwebtoken", "--prefix", "none"
    )
    assert "jsonwebtoken v" in tree
    return [line for line in tree.splitlines() if re.search(r'jsonwebtoken feature "(aws_lc_rs|rust_crypto)"', line)]


def needs_told():
    """What the compiler says of features that lack another: one error, in our words."""
    told = []
    for name in NEED_JWT:
        command = ["cargo", "check", "--quiet", "--lib", "--no-default-features", "--features", name]
        errors = subprocess.run(command, capture_output=True, text=True).stderr
        told.append(errors.count("error: ") == 2 and "error: the features `jwks` and `jwks-http` need `jwt`" in errors)
    return told


def comparisons_that_tell():
    for path, function, by in COMPARISONS:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        _, found, body = text.partition(function)
        # Up to the next function.
        if not found or by not in body.split(" fn ")[0]:
            yield f"{path}: `{function}` does not compare by `{by}`"
    for folder in ("src", "examples"):
        for path in pathlib.Path(folder).rglob("*.rs"):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if "expose()" in line and re.search(r"[=!]= ", line):
                    yield f"{path}:{number}: what is exposed is compared"


def check():
    with open("deny.toml", "rb") as file:
        allowed = set(tomllib.load(file)["licenses"]["allow"])
    crates = tree()
    print(f"{len(crates)} crates in the default tree; at most {MOST_CRATES}")
    everything = tree("--features", "full")
    bad = [f"{crate}: {licence}" for crate, licence in everything.items() if not is_allowed(licence, allowed)]
    for line in bad:
        print("licence not allowed:", line)
    backends = backends_switched_on()
    for line in backends:
        print("switched on for everybody:", line)
    if not all(needs_told()):
        sys.exit("a feature that needs `jwt` or `jwt-rust-crypto` beside it does not say so, or not that alone")
    telling = list(comparisons_that_tell())
    for line in telling:
        print("compared in a time that tells:", line)
    if bad or backends or telling or len(crates) > MOST_CRATES:
        sys.exit(1)


if sys.argv[1:] == ["features"]:
    print("\n".join(features()))
elif sys.argv[1:] == ["check"]:
    check()
else:
    sys.exit(__doc__)
