# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module service against a manager and a registry in memory."""

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.swarm import rollout
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.options import argument_spec
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci import images
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.swarm.fake_manager import (
    Answer,
    DockerException,
    FakeManager,
    install,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.modules.registry_modules import documented_options, run

ONE, TWO = images.platform_image("amd64"), images.platform_image("arm64")
NOW = {"monitor": "1ms"}  # nobody watches tasks that live only here


@pytest.fixture
def manager(monkeypatch):
    """A manager that the SDK finds."""
    fake = FakeManager()
    install(monkeypatch, fake)
    return fake


@pytest.fixture
def image(registry):
    """The name of an image with the tags 1 and 2, without its tag."""
    registry.put("web", "1", ONE.contents, ONE.root)
    registry.put("web", "2", TWO.contents, TWO.root)
    return f"{registry.url.partition('://')[2]}/web"


def deploy(name, **options):
    return run("service", **{"name": "web", "image": name, "update_config": NOW, **options})


def test_documentation_and_code_agree():
    def facts(options, key):
        return {
            name: (option.get("type"), option.get("elements"), option.get("default"), option.get("choices"),
                   option.get("required", False), facts(option.get(key) or {}, key))
            for name, option in options.items()
        }

    documented, coded = documented_options("service"), argument_spec()
    assert facts(documented, "suboptions") == facts(coded, "options")


def test_created_and_then_left_alone(manager, image):
    made = deploy(f"{image}:1", replicas=2, networks=["net"], configs=[{"source": "conf"}], secrets=[{"source": "key"}])
    assert made["changed"], made
    assert made["service"] == {
        "id": "s1", "name": "web", "image": f"{image}:1@{ONE.root}", "digest": ONE.root, "replicas": 2, "running": 2
    }
    assert made["previous_image"] is None
    again = deploy(f"{image}:1", replicas=2, networks=["net"], configs=[{"source": "conf"}], secrets=[{"source": "key"}])
    assert (again["changed"], again["service"]["running"]) == (False, 2)
    assert again["diff"] == {"before": {}, "after": {}}
    assert len(manager.writes) == 1
    assert manager.closed


def test_an_update(manager, image):
    deploy(f"{image}:1")
    done = deploy(f"{image}:2", replicas=3)
    assert done["changed"]
    assert done["previous_image"] == f"{image}:1@{ONE.root}"
    assert done["service"]["running"] == 3
    assert done["update_state"] == "completed"
    assert done["diff"] == {
        "before": {"image": f"{image}:1@{ONE.root}", "replicas": 1}, "after": {"image": f"{image}:2@{TWO.root}", "replicas": 3}
    }


def test_the_same_tag_with_another_image(manager, image, registry):
    deploy(f"{image}:1")
    registry.put("web", "1", TWO.contents, TWO.root)
    assert deploy(f"{image}:1")["service"]["digest"] == TWO.root


def test_check_mode_writes_nothing(manager, image):
    told = deploy(f"{image}:1", check=True)
    assert told["changed"]
    assert told["service"]["id"] is None
    assert told["service"]["running"] is None
    deploy(f"{image}:1")
    assert deploy(f"{image}:2", check=True)["service"]["id"] == "s1"
    assert run("service", name="web", state="rolled_back", check=True, image="x")["failed"]
    assert run("service", name="web", state="absent", check=True)["changed"]
    assert [path for path, _params in manager.writes] == ["/create"]
    assert manager.services_by_id


def test_force_replaces_what_is_as_it_should_be(manager, image):
    deploy(f"{image}:1")
    assert deploy(f"{image}:1", force=True)["changed"]
    assert manager.services_by_id["s1"]["Spec"]["TaskTemplate"]["ForceUpdate"] == 1
    assert not deploy(f"{image}:1")["changed"]


def test_settings_that_no_task_notices_need_no_watching(manager, image):
    deploy(f"{image}:1")
    assert deploy(f"{image}:1", labels={"a": "b"}, update_config={"monitor": "100s"})["changed"]


def test_fewer_tasks_than_before_need_no_watching(manager, image):
    deploy(f"{image}:1", replicas=3)
    assert deploy(f"{image}:1", replicas=2, update_config={"monitor": "100s"})["service"]["running"] == 2


def test_what_is_published_replaces_tasks_that_show_no_difference(manager, image):
    deploy(f"{image}:1")
    before = [task["ID"] for task in manager.all_tasks]
    assert deploy(f"{image}:1", publish=[{"published_port": 80, "target_port": 80}])["changed"]
    assert before != [task["ID"] for task in manager.all_tasks]


def test_a_drain_stands_before_what_the_image_runs(manager, image, registry):
    web = images.platform_image("arm64", runs={"Entrypoint": ["/entry"], "Cmd": ["web"], "StopSignal": "SIGQUIT"})
    registry.put("web", "3", web.contents, web.root)
    deploy(f"{image}:3")
    told = deploy(f"{image}:3", drain="5s", check=True)
    assert told["diff"]["after"] == {"drain": "5s", "command": ["/entry"], "args": ["web"], "stop_signal": "SIGQUIT"}
    assert deploy(f"{image}:3", drain="5s")["changed"]
    container = manager.services_by_id["s1"]["Spec"]["TaskTemplate"]["ContainerSpec"]
    assert (container["Command"][-3:], container["Args"], container["StopSignal"]) == (["5", "QUIT", "/entry"], ["web"], "SIGQUIT")
    assert not deploy(f"{image}:3", drain="5s")["changed"]
    assert deploy(f"{image}:3")["diff"]["after"] == {"drain": "0s", "command": [], "args": [], "stop_signal": ""}
    assert "does not say what to run" in deploy(f"{image}:1", drain="5s")["msg"]


def test_without_waiting(manager, image):
    done = deploy(f"{image}:1", wait=False)
    assert (done["changed"], done["service"]["running"], done["service"]["replicas"]) == (True, None, 1)


def test_a_version_that_does_not_live_is_rolled_back_and_told(manager, image, monkeypatch):
    monkeypatch.setattr(rollout, "SETTLE", 0.1)
    deploy(f"{image}:1", replicas=2)
    manager.broken = {f"{image}:2"}
    failed = deploy(f"{image}:2", replicas=2)
    assert failed["failed"]
    assert failed["changed"]
    assert "the service web was rolled back (update rolled back due to failure): it is as it was before" in failed["msg"]
    assert "task: non-zero exit (1) (web.1 on host1, web.2 on host1, 6 times)" in failed["msg"]
    assert failed["update_state"] == "rollback_completed"
    assert failed["tasks"][0]["node"] == "host1"
    assert failed["error"]["kind"] == "RolloutFailed"


def test_a_first_version_that_does_not_live(manager, image):
    manager.broken = {f"{image}:1"}
    failed = deploy(f"{image}:1")
    assert "first deployment, there is nothing to roll back to" in failed["msg"]
    assert failed["changed"]


def test_rolled_back_once_and_no_more(manager, image):
    deploy(f"{image}:1")
    refused = run("service", name="web", state="rolled_back")
    assert "the service web has no previous specification" in refused["msg"]
    deploy(f"{image}:2")
    done = run("service", name="web", state="rolled_back")
    assert (done["changed"], done["service"]["image"], done["update_state"]) == (True, f"{image}:1@{ONE.root}", "rollback_completed")
    assert done["previous_image"] == f"{image}:2@{TWO.root}"
    again = run("service", name="web", state="rolled_back")
    assert (again["changed"], again["service"]["image"]) == (False, f"{image}:1@{ONE.root}")
    assert not deploy(f"{image}:1")["changed"]


def test_nothing_to_roll_back(manager):
    assert "there is no service web" in run("service", name="web", state="rolled_back")["msg"]


def test_removed(manager, image):
    deploy(f"{image}:1")
    done = run("service", name="web", state="absent")
    assert (done["changed"], done["service"], done["previous_image"]) == (True, None, f"{image}:1@{ONE.root}")
    assert not run("service", name="web", state="absent")["changed"]
    deploy(f"{image}:1")
    assert run("service", name="web", state="absent", wait=False)["changed"]


def test_an_image_that_is_not_there_is_refused_before_anything_is_written(manager, image):
    refused = deploy(f"{image}:3")
    assert "has no web:3. The newest tags of web are 2, 1." in refused["msg"]
    assert refused["error"]["kind"] == "ImageMissing"
    assert not manager.writes


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"networks": ["bridge"]}, "the Swarm has no network for services (overlay) bridge"),
        ({"configs": [{"source": "cond"}]}, "the Swarm has no config cond. Make it first; there is conf."),
        ({"secrets": [{"source": "kez"}]}, "the Swarm has no secret kez. Make it first; there is key."),
        ({"replicas": -1}, "replicas is -1"),
        ({"env": {"A": True}}, "env.A is a bool"),
        ({"token_hosts": ["https://x"]}, "is not a registry"),
        ({"auth_file": "/nonexistent"}, "/nonexistent is not there"),
    ],
)
def test_refused_before_anything_is_written(manager, image, options, says):
    refused = deploy(f"{image}:1", **options)
    assert says in refused["msg"], refused
    assert not manager.writes


def test_what_an_older_engine_would_take_no_notice_of(manager, image):
    def changed(start_interval):
        check = {"test": "true", "start_period": "10s", "start_interval": start_interval}
        watched = {"monitor": "3m"}  # which is as long as the health check takes otherwise
        return deploy(f"{image}:1", healthcheck=check, update_config=watched, rollback_config=watched, wait=False)["changed"]

    assert [changed("1s"), changed("1s"), changed(None), changed("5s")] == [True, False, True, False]  # 5s is the engine's own

    manager.api_version = "1.43"
    written = len(manager.writes)
    assert not changed(None)
    refused = deploy(f"{image}:1", healthcheck={"test": "true", "start_interval": "1s"}, update_config={}, wait=False)
    assert "healthcheck.start_interval needs API 1.44, and with the engine at" in refused["msg"]
    assert "it is 1.43. Leave it out, or upgrade to Docker 25 or later." in refused["msg"]
    assert len(manager.writes) == written


def test_a_mode_cannot_be_changed(manager, image):
    deploy(f"{image}:1")
    assert "mode is 'global', and the service web is replicated" in deploy(f"{image}:1", mode="global")["msg"]


def test_an_image_that_only_the_nodes_have(manager):
    done = deploy("registry:3", pin_digest=False)
    assert (done["service"]["image"], done["service"]["digest"]) == ("registry:3", None)
    image_id = "sha256:" + "0" * 64
    assert deploy(image_id, pin_digest=False)["service"]["image"] == image_id
    assert "set pin_digest: false" in deploy(image_id)["msg"]


def test_the_login_that_is_given_is_handed_over_and_hidden(manager, guarded):
    guarded.put("web", "1", ONE.contents, ONE.root)
    name = f"{guarded.url.partition('://')[2]}/web:1"
    assert "401" in deploy(name)["msg"]
    done = deploy(name, username="ada", password="hunter2")
    assert "hunter2" not in json.dumps(done)
    assert manager.logins == [{"username": "ada", "password": "hunter2", "serveraddress": name.partition("/")[0]}]


def test_a_login_that_has_changed_is_handed_over_when_that_is_asked_for(manager, guarded):
    guarded.put("web", "1", ONE.contents, ONE.root)
    authority = guarded.url.partition("://")[2]
    login = {"username": "ada", "password": "hunter2"}
    deploy(f"{authority}/web:1", username="ada", password="hunter1", pin_digest=False)
    assert not deploy(f"{authority}/web:1", pin_digest=False, **login)["changed"]
    assert deploy(f"{authority}/web:1", pin_digest=False, update_credentials=True, check=True, **login)["changed"]
    assert len(manager.logins) == 1
    # Tasks that nothing happens to are not watched for the monitor's time.
    deploy(f"{authority}/web:1", pin_digest=False, update_config={"monitor": "100s"}, **login)
    done = deploy(f"{authority}/web:1", pin_digest=False, update_credentials=True, update_config={"monitor": "100s"}, diff=True, **login)
    assert (done["changed"], done["service"]["running"]) == (True, 1)
    assert done["diff"] == {"before": {"login": "as it was"}, "after": {"login": "handed over again"}}
    assert [one["password"] for one in manager.logins] == ["hunter1", "hunter2", "hunter2"]
    assert "hunter" not in json.dumps(done)
    assert manager.services_by_id["s1"]["Spec"]["TaskTemplate"]["ForceUpdate"] == 0


def test_no_login_to_hand_over(manager, image):
    assert "update_credentials is true, and there is no login" in deploy(f"{image}:1", update_credentials=True)["msg"]
    assert not manager.writes


def test_the_login_of_the_users_file_is_handed_over_and_hidden(manager, guarded, home):
    guarded.put("web", "1", ONE.contents, ONE.root)
    authority = guarded.url.partition("://")[2]
    (home / ".docker").mkdir()
    login = {"auths": {authority: {"auth": base64.b64encode(b"ada:hunter2").decode()}}}
    (home / ".docker" / "config.json").write_text(json.dumps(login))
    assert "401" in deploy(f"{authority}/web:1", use_auth_files=False)["msg"]
    assert deploy(f"{authority}/web:1")["changed"]
    assert manager.logins[0]["password"] == "hunter2"
    deploy(f"{authority}/web:1", pin_digest=False)
    assert manager.logins[1]["password"] == "hunter2"


def test_variables_that_look_secret_are_hidden(manager, image):
    done = deploy(f"{image}:1", env={"DB_PASSWORD": "hunter2", "PIN_KEY": "1"}, diff=True)
    assert "hunter2" not in json.dumps(done)
    assert done["diff"]["after"]["env"] == {"DB_PASSWORD": "(hidden)", "PIN_KEY": "(hidden)"}


def test_a_registry_that_the_engine_reaches_in_the_clear(manager, image):
    manager.registry_config = {"IndexConfigs": {image.partition("/")[0]: {"Secure": False}}}
    assert deploy(f"{image}:1")["changed"]


def test_progress_is_left_in_a_file_that_goes(manager, image, tmp_path):
    path = tmp_path / "progress"
    assert deploy(f"{image}:1", progress_file=str(path))["changed"]
    assert not path.exists()


def test_managers_that_are_none(manager):
    manager.swarm = {"LocalNodeState": "inactive"}
    assert "is not in a Swarm" in run("service", name="web", state="absent")["msg"]
    manager.failure = DockerException("no such file")
    assert "does not answer" in run("service", name="web", state="absent")["msg"]


def test_a_service_that_vanishes_just_now(manager, image, monkeypatch):
    monkeypatch.setattr(manager, "_run", lambda service_id, _spec: manager.services_by_id.pop(service_id))
    assert "removed by somebody else just now" in deploy(f"{image}:1")["msg"]


def test_a_manager_that_refuses(manager, image):
    manager.failure = Answer(400, {"message": "port '80' is already in use"})
    assert "port '80' is already in use" in deploy(f"{image}:1")["msg"]
