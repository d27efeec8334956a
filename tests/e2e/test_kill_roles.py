"""Each role is killed while the demo runs: it still ends, nothing goes out twice."""

import time

from infra.up import ROLES
from tests.fixtures.fix_up import DEMO_LIMIT_S, Installation, Told

BACK_LIMIT_S = 30
LOOK_S = 0.1


def test_killing_each_role_in_turn_loses_and_doubles_nothing(
    installation: Installation,
) -> None:
    left = list(ROLES)
    told: list[Told] = []
    while left:
        told.append(tell_and_kill(installation, left))
    for each in told:
        assert each.code == 0, each.text
        exactly_once(installation, each.tenant)


def tell_and_kill(installation: Installation, left: list[str]) -> Told:
    """One demo; a role dies whenever a step has ended, so within the next one."""
    process = installation.begin_demo()
    lines: list[str] = []
    for line in process.stdout or ():
        lines.append(line)
        if left and "✓" in line:
            kill_and_wait(installation, left.pop(0))
    return Told(process.wait(DEMO_LIMIT_S), "".join(lines))


def kill_and_wait(installation: Installation, role: str) -> None:
    """Returns once `up` has put another one in its place."""
    killed = installation.kill(role)
    end = time.monotonic() + BACK_LIMIT_S
    while installation.children().get(role, killed) == killed:
        assert time.monotonic() < end, f"{role} did not come back"
        time.sleep(LOOK_S)


def exactly_once(installation: Installation, tenant: str) -> None:
    """At most once at each platform; a missing one waits for a person, openly."""
    with installation.as_tenant(tenant) as api:
        accounts = api.get("/accounts").json()["items"]
        publications = api.get("/publications").json()["items"]
    accepted = {
        each["platform"]: [
            found
            for found in installation.submissions(each["platform"])
            if found["openId"] == each["openId"]
        ]
        for each in accounts
    }
    for publication in publications:
        count = len(accepted[publication["platform"]])
        if publication["status"] == "published":
            assert count == 1, publication
        else:
            assert publication["status"] == "unknown", publication
            assert publication["needsPerson"], publication
            assert count <= 1, publication
