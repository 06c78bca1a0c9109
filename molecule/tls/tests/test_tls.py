# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What clients on another machine meet at a registry with TLS, and what became of those who pulled all the time."""

from __future__ import annotations

import pytest
import testinfra.utils.ansible_runner

SERVERS = {"dockyard-tls-3": ("172.29.77.3", ":5000"), "dockyard-tls-2": ("172.29.77.2", ":443")}
PASSWORD = "looking glass for tests"
CI = "pulls all day"
CONFIG = "/etc/dockyard/registry"

testinfra_hosts = ["ansible://registry_clients"]


@pytest.fixture(params=SERVERS)
def server(request):
    return request.param


@pytest.fixture
def on_server(server, request):
    inventory = request.config.option.ansible_inventory
    return testinfra.utils.ansible_runner.AnsibleRunner(inventory).get_host(server)


@pytest.fixture
def registry(server):
    return server + SERVERS[server][1]


def curl(host, url, *, user="", ca=""):
    login = f"--user {user}:'{PASSWORD}'" if user else ""
    trust = f"--cacert {ca}" if ca else ""
    return host.run(f"curl --silent --show-error --output /dev/null --write-out '%{{http_code}}' {login} {trust} {url}")


def test_no_pull_has_failed(host, registry):
    pulls = host.file(f"/srv/pulls-{registry}").content_string.splitlines()
    failed = [line for line in pulls if line.startswith("failed")]
    print(f"{registry}: {len(pulls) - 1} pulls, {len(failed)} failed")
    assert pulls.count("pulled") > 20
    assert failed == []


def test_certificate_was_renewed(host, registry):
    end = host.check_output(f"echo | openssl s_client -connect {registry} 2>/dev/null | openssl x509 -noout -checkend 34560000")
    assert "will not expire" in end


@pytest.mark.parametrize("by", ["name", "address"])
def test_answers_by_name_and_by_address(host, server, registry, by):
    address, port = SERVERS[server]
    where = registry if by == "name" else address + port
    ca = f"/etc/docker/certs.d/{registry}/ca.crt"
    assert curl(host, f"https://{where}/v2/", ca=ca).stdout == "401"
    assert curl(host, f"https://{where}/v2/", ca=ca, user="alice").stdout == "200"


def test_stranger_is_refused(host, server, registry):
    other = next(name + port for name, (_address, port) in SERVERS.items() if name != server)
    refused = curl(host, f"https://{registry}/v2/", ca=f"/etc/docker/certs.d/{other}/ca.crt")
    assert refused.rc == 60
    assert "unable to get local issuer" in refused.stderr


def test_engine_refuses_a_ca_that_it_was_not_given(host, server):
    address, port = SERVERS[server]
    pull = host.run(f"docker pull {address}{port}/library/hello-world")
    assert pull.rc != 0
    assert "certificate signed by unknown authority" in pull.stderr


def test_no_plain_http(host, registry):
    assert curl(host, f"http://{registry}/v2/").stdout == "400"


def test_push_and_pull_of_a_client(host, registry):
    image = f"{registry}/library/hello-world"
    assert host.run(f"echo '{PASSWORD}' | docker login --username alice --password-stdin {registry}").rc == 0
    assert host.run(f"docker pull {image} && docker tag {image} {registry}/team/mine && docker push {registry}/team/mine").rc == 0
    assert host.run(f"docker rmi {image} {registry}/team/mine && docker pull {registry}/team/mine").rc == 0
    assert "Hello" in host.check_output(f"docker run --rm {registry}/team/mine")
    assert host.run(f"docker rmi {registry}/team/mine && docker logout {registry}").rc == 0
    assert host.run(f"docker pull {image}").rc != 0


def test_another_kind_of_client(host, registry):
    """skopeo has a trust and a login of its own, which the role gave it: those of docker are out of its way."""
    hello, mine = f"docker://{registry}/library/hello-world", f"docker://{registry}/team/skopeo"
    host.check_output("mv /root/.docker /root/docker && mv /etc/docker/certs.d /root/certs.d")
    try:
        assert host.run(f"skopeo copy {hello} {mine}").rc == 0
        digest = "skopeo inspect --format '{{{{.Digest}}}}' {}"
        assert host.check_output(digest.format(hello)) == host.check_output(digest.format(mine))
    finally:
        host.check_output("mv /root/docker /root/.docker && mv /root/certs.d /etc/docker/certs.d")


def test_containerd_pulls_by_itself(host, registry):
    """By the hosts.toml that the role wrote; without it, the CA is a stranger's."""
    image = f"{registry}/library/hello-world:latest"
    pull = f"ctr images pull {{}} --user 'ci:{CI}' {image}"
    refused = host.run(pull.format(""))
    assert refused.rc != 0
    assert "certificate signed by unknown authority" in refused.stderr
    assert image not in host.check_output("ctr images ls --quiet").split()
    assert host.run(pull.format("--hosts-dir /etc/containerd/certs.d")).rc == 0
    digest = host.check_output(f"skopeo inspect --format '{{{{.Digest}}}}' docker://{image}")
    assert digest in host.check_output(f"ctr images ls name=={image}")
    host.check_output(f"ctr images rm {image}")


def test_keys_are_their_owners(on_server):
    for name in ("ca/ca.key", "tls/server.key"):
        key = on_server.file(f"{CONFIG}/secrets/{name}")
        assert (key.user, key.mode) == ("root", 0o400)
    group = on_server.check_output("docker inspect -f '{{.Config.User}}' registry").partition(":")[2]
    pair = on_server.file(f"{CONFIG}/etc/tls.pem")
    assert (pair.user, str(pair.gid), pair.mode) == ("root", group, 0o640)
    assert on_server.file(f"{CONFIG}/ca.crt").mode == 0o644


def test_container_is_healthy_and_nothing_holds_connections(on_server):
    assert on_server.check_output("docker inspect -f '{{.State.Health.Status}}' registry") == "healthy"
    assert "dockyard-hold" not in on_server.check_output("iptables --table raw --list-rules")
