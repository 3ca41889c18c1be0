"""Reads YAML files and says them as JSON, one a line; with a schema in front, says instead what breaks it.

    read.py FILE...                 {"...": ...}
    read.py --schema SCHEMA FILE    one line a complaint
"""
import json
import sys

try:
    import jsonschema
    import yaml
except ImportError as error:
    sys.exit(f"{error}: run scripts/setup")


class Loader(yaml.SafeLoader):
    """YAML as workflows mean it: `on` is a word, not a truth."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path):
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Loader)


if sys.argv[1] == "--schema":
    with open(sys.argv[2], encoding="utf-8") as file:
        validator = jsonschema.Draft7Validator(json.load(file))
    for error in validator.iter_errors(read(sys.argv[3])):
        print("/".join(map(str, error.absolute_path)) or "the whole", "-", error.message[:300])
else:
    for path in sys.argv[1:]:
        print(json.dumps(read(path)))
