# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a service has converged, and when it will not: the state machine, fed with what managers tell."""

# Nothing here changes a default: pylint: disable=dangerous-default-value
from __future__ import annotations

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.swarm.errors import RolloutFailed, SwarmError
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.rollout import Goal, Rollout, wait, wait_gone
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.tasks import Counter, Snapshot
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.words import failure_lines
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.swarm.cluster import (
    IMAGE,
    OTHER,
    make_node,
    make_service,
    make_spec,
    make_task,
)

NODES = [make_node(1), make_node(2)]
OLD = make_spec(OTHER, replicas=2)
NEW = make_spec(IMAGE, replicas=2)


def snapshot(*tasks, spec=NEW, index=11, state="", message="", nodes=NODES):
    return Snapshot(make_service(spec, index, state, message), tasks, nodes)


def running(spec=NEW, count=2, **given):
    return [make_task(spec, slot, **given) for slot in range(1, count + 1)]


def update(**given):
    return Rollout(Goal(**{"kind": "update", "spec": NEW, "after": 10, "hold": 5.0, **given}))


def failing(slot, attempt, error="task: non-zero exit (1)", state="failed", spec=NEW, **given):
    return make_task(spec, slot, state, id=f"f{slot}.{attempt}", desired="shutdown", error=error, **given)


def refused(rollout, shown, now=0.0):
    with pytest.raises(RolloutFailed) as caught:
        rollout.look(shown, now)
    return caught.value


def test_an_update_that_the_engine_has_watched():
    rollout = update()
    assert not rollout.look(snapshot(*running(OLD)), 0)
    assert rollout.line == "web: 0/2 running, 2 to go"
    half = [make_task(OLD, 1), make_task(NEW, 1, "starting", id="n1"), make_task(OLD, 2)]
    assert not rollout.look(snapshot(*half, state="updating"), 1)
    assert rollout.line == "web: 0/2 running, 1 starting, 2 to go"
    assert not rollout.look(snapshot(*running(), state="updating"), 2)
    assert rollout.look(snapshot(*running(), state="completed"), 3)
    assert rollout.line == "web: 2/2 running"


def test_without_a_status_all_must_hold_for_the_monitors_time():
    rollout = update(kind="create", after=0)
    assert not rollout.look(snapshot(*running()), 0)
    assert not rollout.look(snapshot(*running()), 4.9)
    assert not rollout.look(snapshot(*running(count=1)), 5)
    assert not rollout.look(snapshot(*running()), 6)
    assert rollout.look(snapshot(*running()), 11)


def test_a_manager_that_has_not_heard_of_it_is_not_believed():
    rollout = update()
    assert not rollout.look(snapshot(*running(), index=10, state="paused"), 0)
    assert not rollout.look(snapshot(*running(), index=10, state="completed"), 1)
    assert rollout.look(snapshot(*running(), index=12, state="completed"), 2)


def test_tasks_that_show_no_difference_but_have_to_go():
    rollout = update(stale=frozenset({"t1", "t2"}), hold=0.0)
    assert not rollout.look(snapshot(*running()), 0)
    fresh = [make_task(NEW, 1, id="n1"), make_task(NEW, 2, id="n2")]
    assert rollout.look(snapshot(*fresh), 1)


def test_a_forced_update_replaces_what_looks_the_same():
    forced = make_spec(IMAGE, replicas=2)
    forced["TaskTemplate"]["ForceUpdate"] = 1
    rollout = update(spec=forced, hold=0.0)
    assert not rollout.look(snapshot(*running(NEW), spec=forced), 0)
    assert rollout.look(snapshot(*running(forced), spec=forced), 1)


def test_constraints_alone_replace_nobody_who_is_where_he_should_be():
    there = make_spec(IMAGE, replicas=2, constraints=["node.role==manager"])
    rollout = update(spec=there, hold=0.0)
    assert not rollout.look(snapshot(make_task(NEW, 1), make_task(NEW, 2, node="node2"), spec=there), 0)
    assert rollout.look(snapshot(make_task(NEW, 1), make_task(NEW, 2), spec=there), 1)


def test_scaling_down_waits_for_those_that_stop_but_not_on_nodes_that_are_down():
    one = make_spec(IMAGE, replicas=1)
    rollout = update(spec=one, hold=0.0)
    leaving = make_task(NEW, 2, desired="remove", node="node2")
    assert not rollout.look(snapshot(make_task(NEW, 1), leaving, spec=one), 0)
    down = [make_node(1), make_node(2, State="down")]
    assert rollout.look(snapshot(make_task(NEW, 1), leaving, spec=one, nodes=down), 1)


def test_no_replicas_at_all():
    none = make_spec(IMAGE, replicas=0)
    assert update(spec=none, hold=0.0).look(snapshot(spec=none), 0)


def test_a_global_service_runs_on_each_node_that_fits():
    everywhere = make_spec(IMAGE, mode="global", constraints=["node.role==worker"])
    nodes = [make_node(1), make_node(2), make_node(3), make_node(4, Availability="drain")]
    tasks = [{**make_task(everywhere, 0, id=f"g{number}", node=f"node{number}"), "Slot": 0} for number in (2, 3)]
    rollout = update(kind="create", spec=everywhere, after=0, hold=0.0)
    assert not rollout.look(snapshot(tasks[0], spec=everywhere, nodes=nodes), 0)
    assert rollout.line == "web: 1/2 running"
    assert rollout.look(snapshot(*tasks, spec=everywhere, nodes=nodes), 1)


def test_a_rollback_names_the_tasks_and_what_serves():
    rollout = update()
    broken = [failing(1, 1), failing(2, 1, node="node2"), make_task(OLD, 1), make_task(OLD, 2)]
    assert not rollout.look(snapshot(*broken, state="updating"), 0)
    assert not rollout.look(snapshot(*broken, spec=OLD, state="rollback_started"), 1)
    assert "rolling back, 2 failed: task: non-zero exit (1)" in rollout.line
    error = refused(rollout, snapshot(*broken[2:], spec=OLD, state="rollback_completed", message="update rolled back due to failure"), 2)
    said = str(error)
    assert "the service web was rolled back (update rolled back due to failure): it is as it was before." in said
    assert "task: non-zero exit (1) (web.1 on host1, web.2 on host2)" in said
    assert f"What runs now: 2 of {OTHER}." in said
    assert error.state == "rollback_completed"
    assert error.tasks[0] == {
        "id": "f1.1", "task": "web.1", "node": "host1", "state": "failed", "error": "task: non-zero exit (1)", "image": IMAGE
    }


def test_a_rollback_is_told_when_the_last_task_runs_again():
    rollout = update()
    half = snapshot(make_task(OLD, 1), make_task(OLD, 2, "starting"), spec=OLD, state="rollback_completed")
    assert not rollout.look(half, 0)
    assert not rollout.look(half, 29)
    assert f"What runs now: 1 of {OTHER}." in str(refused(rollout, half, 30))
    assert f"What runs now: 2 of {OTHER}." in str(refused(update(), snapshot(*running(OLD), spec=OLD, state="rollback_completed")))


def test_a_paused_update():
    said = str(refused(update(), snapshot(failing(1, 1), make_task(OLD, 2), state="paused", message="update paused due to failure")))
    assert "is paused in the middle of its update (update paused due to failure)." in said
    assert f"1 of {OTHER}" in said
    assert "force: true" in said


def test_a_paused_rollback():
    said = str(refused(update(), snapshot(failing(1, 1), state="rollback_paused", spec=OLD)))
    assert "paused on the way back" in said
    assert "No task of it runs now." in said


def test_nothing_was_written_but_an_earlier_update_is_paused():
    rollout = Rollout(Goal("look", NEW))
    assert "in the middle of an earlier update" in str(refused(rollout, snapshot(*running(), state="paused")))


@pytest.mark.parametrize("state", ["", "completed", "rollback_completed"])
def test_nothing_was_written_and_all_is_well(state):
    assert Rollout(Goal("look", NEW)).look(snapshot(*running(), state=state), 0)


def test_nothing_was_written_and_tasks_are_missing():
    rollout = Rollout(Goal("look", NEW))
    assert not rollout.look(snapshot(make_task(NEW, 1)), 0)
    assert rollout.look(snapshot(*running()), 1)


def test_a_rollback_that_was_asked_for():
    rollout = update(kind="rollback", spec=OLD)
    assert not rollout.look(snapshot(*running(NEW), spec=OLD, state="rollback_started"), 0)
    assert rollout.look(snapshot(*running(OLD), spec=OLD, state="rollback_completed"), 1)


@pytest.mark.parametrize(
    ("policy", "failures"),
    [({}, 3), ({"condition": "none"}, 1), ({"max_attempts": 1}, 2), ({"max_attempts": 9}, 3)],
)
def test_a_first_deployment_that_does_not_live_has_nothing_to_go_back_to(policy, failures):
    spec = make_spec(IMAGE, replicas=2, restart_policy=policy)
    rollout = update(kind="create", spec=spec, after=0)
    tasks = [failing(1, attempt, spec=spec) for attempt in range(failures)]
    assert not rollout.look(snapshot(*tasks[1:], make_task(spec, 2), spec=spec), 0)
    # The engine has forgotten some, but they have been seen.
    said = str(refused(rollout, snapshot(*tasks[:1], make_task(spec, 2), spec=spec), 1))
    assert "first deployment, there is nothing to roll back to" in said
    assert f"1 of {IMAGE}" in said


def test_failures_of_before_do_not_count():
    old = [failing(1, attempt) for attempt in range(5)]
    rollout = update(known=frozenset(task["ID"] for task in old), hold=0.0)
    assert rollout.look(snapshot(*old, *running()), 0)
    assert not rollout.failures


def test_a_share_of_the_tasks_may_fail():
    spec = make_spec(IMAGE, replicas=4, update_config={"max_failure_ratio": 0.25})
    rollout = update(kind="create", spec=spec, after=0)
    assert not rollout.look(snapshot(*[failing(1, attempt, spec=spec) for attempt in range(3)], spec=spec), 0)
    with pytest.raises(RolloutFailed):
        rollout.look(snapshot(*[failing(2, attempt, spec=spec) for attempt in range(3)], spec=spec), 1)


def test_failures_of_long_ago_are_no_fault_but_have_it_watched_again():
    rollout = Rollout(Goal("look", NEW))
    history = [failing(1, attempt) for attempt in range(4)]
    assert not rollout.look(snapshot(*history, *running()), 0)
    assert not rollout.look(snapshot(*history, *running()), 4.9)
    assert rollout.look(snapshot(*history, *running()), 5)


def test_tasks_that_fall_again_and_again():
    rollout = Rollout(Goal("look", NEW))
    history = [failing(1, attempt) for attempt in range(3)]
    assert not rollout.look(snapshot(*history, *running()), 0)
    said = str(refused(rollout, snapshot(*history, failing(1, 4), make_task(NEW, 2)), 2))
    assert "the service web does not run." in said
    assert "(web.1 on host1, 4 times)" in said


def test_a_container_that_ends_well_is_none_that_runs():
    rollout = update(kind="create", after=0)
    said = str(refused(rollout, snapshot(*[failing(1, attempt, "", "complete") for attempt in range(3)])))
    assert "the container ended with exit code 0, by itself or stopped" in said
    assert "(web.1 on host1, 3 times)" in said


def test_a_service_that_is_gone():
    assert "was removed while it was waited for" in str(refused(update(), Snapshot(None, [], NODES)))


def test_a_service_that_somebody_else_has_changed():
    assert "somebody else changed the service web" in str(refused(update(), snapshot(*running(OLD), spec=OLD)))


def test_why_tasks_wait():
    reason = "no suitable node (scheduling constraints not satisfied on 2 nodes)"
    rollout = update()
    rollout.look(snapshot(make_task(NEW, 1, "pending", error=reason, node=""), make_task(NEW, 2, "preparing")), 0)
    assert rollout.line == f"web: 0/2 running, 2 starting, waiting: {reason}"
    error = rollout.give_up(60)
    assert "has not converged within 60 seconds" in str(error)
    assert f"Tasks wait: {reason}." in str(error)


def test_a_wait_that_saw_nothing():
    assert "could not be looked at for 9 seconds: no leader" in str(update().give_up(9, SwarmError("no leader")))


def test_a_starting_task_beside_a_running_one_is_not_counted_twice():
    tasks = [*running(), make_task(NEW, 1, "starting", id="n1")]
    tally = Counter(NEW).count(snapshot(*tasks))
    assert (tally.fit, tally.starting) == (("1", "2"), ())


def test_many_errors_are_counted():
    tasks = [failing(slot, 1, f"error {slot % 7}") for slot in range(1, 16)]
    lines = failure_lines(Counter(NEW).count(snapshot(*tasks)).failures)
    assert lines[0] == "error 1 (web.1 on host1, web.15 on host1, web.8 on host1)"
    assert lines[-1] == "and 2 other errors"
    same = [failing(slot, 1, "gone", node="") for slot in range(1, 6)]
    assert failure_lines(Counter(NEW).count(snapshot(*same)).failures) == ["gone (web.1, web.2, web.3 and 2 more)"]


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_the_loop_outlives_a_manager_that_does_not_answer():
    clock, said = Clock(), []
    answers = iter([SwarmError("the Swarm has no leader."), snapshot(*running(OLD)), SwarmError("again."), snapshot(*running(), state="completed")])

    def read():
        answer = next(answers)
        if isinstance(answer, SwarmError):
            raise answer
        return answer

    tally = wait(update(), read, timeout=10, report=said.append, clock=clock, sleep=clock.sleep)
    assert len(tally.fit) == 2
    assert said == ["the Swarm has no leader.", "web: 0/2 running, 2 to go", "again."]


def test_the_loop_has_an_end():
    clock = Clock()
    with pytest.raises(RolloutFailed, match="has not converged within 10 seconds: web: 0/2 running, 2 to go"):
        wait(update(), lambda: snapshot(*running(OLD)), timeout=10, report=str, clock=clock, sleep=clock.sleep)
    assert clock.now == 10


def test_the_loop_tells_why_it_saw_nothing_in_the_end():
    clock = Clock()
    answers = [snapshot(*running(OLD))]

    def read():
        if answers:
            return answers.pop()
        raise SwarmError("the Swarm has no leader.")

    with pytest.raises(RolloutFailed, match="then stopped answering: the Swarm has no leader"):
        wait(update(), read, timeout=3, report=str, clock=clock, sleep=clock.sleep)


def test_a_removed_service_is_gone_when_its_tasks_are():
    clock, said = Clock(), []
    left = [[make_task(NEW, 1), make_task(NEW, 2, node="node2")], [make_task(NEW, 2, node="node2")]]
    nodes = [make_node(1), make_node(2, State="down")]
    wait_gone("web", lambda: left[min(len(said), 1)], lambda: nodes, timeout=5, report=said.append, clock=clock, sleep=clock.sleep)
    assert said == ["web: 1 tasks still stop"]


def test_a_removed_service_that_will_not_go():
    clock = Clock()
    with pytest.raises(RolloutFailed, match="1 of its tasks still run after 5 seconds"):
        wait_gone("web", lambda: [make_task(NEW, 1)], lambda: NODES, timeout=5, report=str, clock=clock, sleep=clock.sleep)
