#!/usr/bin/env python3
"""How long the topology takes from nothing to ready: closure on docker, paired with docker-compose on the same images.

    benches/bring_up.py [ROUNDS]

Each round brings the topology up once with each, in turn, and takes it down again. Builds are not counted: closure's
time runs from `bring_up` to `up` in its timeline, docker-compose's from `up -d` until every service is healthy or has
completed. Prints each pair, and the median of the ratios.
"""
import json
import os
import pathlib
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLOSURE = ROOT / "target/x86_64-unknown-linux-gnu/debug/closure"
POSTGRES = os.environ.get("E2E_POSTGRES_IMAGE", "closure/postgres:15")
DEADLINE_S = 180


def settings():
    """What closure mints for each run, made by hand for its peer."""
    password = {name: secrets.token_hex(12) for name in ("admin", "owner", "app")}

    def dsn(user, role):
        return f"postgres://{user}:{password[role]}@postgres:5432/skeldir_e2e"

    return {
        "E2E_POSTGRES_IMAGE": POSTGRES,
        "E2E_DATABASE_URL": dsn("app_user", "app"),
        "E2E_CELERY_BROKER_URL": dsn("app_user", "app"),
        "E2E_CELERY_RESULT_BACKEND": dsn("app_user", "app"),
        "E2E_PROVISION_URL": dsn("postgres", "admin"),
        "E2E_MIGRATION_URL": dsn("migration_owner", "owner"),
        "E2E_POSTGRES_PASSWORD": password["admin"],
        "E2E_MIGRATION_OWNER_PASSWORD": password["owner"],
        "E2E_APP_USER_PASSWORD": password["app"],
        "E2E_SECRET_BOX_KEY": secrets.token_hex(32),
        "E2E_OPENAI_API_KEY": secrets.token_hex(16),
        "E2E_ANTHROPIC_API_KEY": secrets.token_hex(16),
        "E2E_JWT_PUBLIC_KEYS": json.dumps({"current_kid": "bench", "keys": {"bench": public_key()}}),
        "E2E_MOCK_PLATFORM_URL": "http://mock_platform:8080",
    }


def public_key():
    secret = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True).stdout
    return subprocess.run(["openssl", "rsa", "-pubout"], input=secret, check=True, capture_output=True).stdout.decode()


class Peer:
    def __init__(self, folder):
        self.env_file = folder / "env"
        self.env_file.write_text("".join(f"{name}={value}\n" for name, value in settings().items()))

    def compose(self, *words):
        command = ["docker-compose", "--env-file", self.env_file, "-f", ROOT / "docker-compose.e2e.yml", "-p", "closure-bench-peer"]
        said = subprocess.run([*map(str, command), *words], capture_output=True, text=True)
        if said.returncode != 0:
            sys.exit(f"bring_up: docker-compose {words[0]}: {said.stderr.strip()}")
        return said.stdout

    def is_ready(self):
        containers = self.compose("ps", "-q").split()
        states = json.loads(subprocess.run(["docker", "inspect", *containers], check=True, capture_output=True, text=True).stdout)
        for state in (one["State"] for one in states):
            if state["Status"] == "exited" and state["ExitCode"] != 0:
                sys.exit("bring_up: a service of the peer ended with %d" % state["ExitCode"])
        return all(
            state["Status"] == "exited" or state.get("Health", {}).get("Status") == "healthy"
            for state in (one["State"] for one in states)
        )

    def seconds(self):
        begun = time.monotonic()
        try:
            self.compose("up", "-d")
            while not self.is_ready():
                if time.monotonic() - begun > DEADLINE_S:
                    sys.exit("bring_up: the peer is not ready after %d s" % DEADLINE_S)
                time.sleep(0.05)
            return time.monotonic() - begun
        finally:
            self.compose("down", "-v")


def closure_seconds(folder):
    artifacts = folder / "artifacts"
    timeline = artifacts / "timeline.jsonl"
    words = [CLOSURE, "run", "--ci-subset", "--substrate", "docker", "--quiet", "--artifact-dir", artifacts]
    environment = {**os.environ, "E2E_POSTGRES_IMAGE": POSTGRES}
    run = subprocess.Popen(list(map(str, words)), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begun = time.monotonic()
    while run.poll() is None and time.monotonic() - begun < DEADLINE_S:
        seen = {}
        if timeline.exists():
            for line in timeline.read_text().splitlines():
                try:
                    event = json.loads(line)
                except ValueError:
                    continue  # the line that is being written
                seen[event["event"]] = event["t_ms"]
        if "up" in seen:
            run.send_signal(signal.SIGINT)
            run.wait()
            return (seen["up"] - seen["bring_up"]) / 1000
        time.sleep(0.05)
    run.kill()
    sys.exit("bring_up: closure did not come up; it ended with %s" % run.wait())


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    ratios = []
    for number in range(1, rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            ours, theirs = closure_seconds(folder), Peer(folder).seconds()
        ratios.append(ours / theirs)
        print(f"{number}: closure {ours:.1f} s, docker-compose {theirs:.1f} s, ratio {ours / theirs:.2f}", flush=True)
    print(f"median ratio of {rounds}: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
