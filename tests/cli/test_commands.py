"""The command line as a program: quick to start, clear when it is used wrongly."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from app.cli import (
    assets,
    batch,
    changing,
    components,
    compute,
    job_changes,
    jobs,
    main,
    online_deployments,
    online_endpoints,
    printing,
    registries,
    ssh,
    versioned,
    workspaces,
)
from app.sdk.client import Client


def atelier(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "app.cli.main", *arguments], capture_output=True, text=True, check=False
    )


def test_starting_loads_no_heavy_library():
    code = "import sys; from app.cli import main; main.parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"httpx", "sqlalchemy", "fastapi", "pydantic", "celery", "yaml"} & set(loaded) == set()


def test_wrong_usage_ends_with_2_and_a_missing_server_with_1(tmp_path):
    assert atelier("job", "create").returncode == 2
    assert atelier("jobs").returncode == 2
    nobody = atelier("job", "list", "--home", str(tmp_path))
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "atelier up" in nobody.stderr


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    answer = atelier("job", "create", "-f", str(tmp_path / "no.yml"), "--url", "http://127.0.0.1:9", "--token", "x")
    assert answer.returncode == 1
    assert "no.yml cannot be read" in answer.stderr


@pytest.mark.parametrize(
    "noun", ["job", "experiment", "component", "data", "model", "online-endpoint", "online-deployment", "environment"]
)
def test_every_noun_describes_itself(noun, capsys):
    with pytest.raises(SystemExit) as ended:
        main.main([noun, "--help"])
    assert ended.value.code == 0
    assert "VERB" in capsys.readouterr().out


def test_answers_are_tables_json_or_yaml(capsys):
    rows = [{"name": "a", "tags": {"x": 1}, "n": None}, {"name": "longer", "tags": {}, "n": 0.5}]
    printing.print_list(rows, ("name", "tags", "n"), "table", "nothing")
    assert capsys.readouterr().out.splitlines() == ["NAME    TAGS  N", "a       x=1", "longer        0.5"]
    printing.print_list(rows, ("name",), "json", "nothing")
    assert json.loads(capsys.readouterr().out) == rows
    printing.print_list([], ("name",), "table", "nothing")
    assert capsys.readouterr().err == "nothing\n"


@pytest.fixture
def run(alice, monkeypatch, capsys):
    """A command of a user against the application; answers its exit status, and what it printed as JSON or text."""
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    direct = partial(Client, "http://testserver", token, transport=alice._transport)
    calling = (assets, changing, compute, job_changes, jobs, registries, ssh, versioned, components, workspaces)
    for module in (*calling, online_endpoints, online_deployments, batch):
        monkeypatch.setattr(
            module, "connect", lambda options: direct(options.workspace or "default", say=lambda text: None)
        )

    def command(*arguments: str):
        capsys.readouterr()
        code = main.main(
            [*arguments, "-g", "group", "--workspace-name", "default", "--subscription", "s", "-o", "json"]
        )
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else err

    return command


def test_scripts_for_azures_command_line_run_unchanged(run, tmp_path):
    (tmp_path / "table.csv").write_text("a\n1\n")
    for version in ("1", "2"):
        made = run("data", "create", "-n", "t", "-v", version, "--type", "uri_file", "--path", f"{tmp_path}/table.csv")
        assert made[1]["version"] == version
    assert [row["version"] for row in run("data", "list", "-n", "t")[1]] == ["2", "1"]
    run("data", "update", "-n", "t", "-v", "1", "--set", "tags.a=1", "--no-wait")
    changed = run("data", "update", "-n", "t", "-v", "1", "--set", "tags.b=x", "--description", "first")[1]
    assert (changed["tags"], changed["description"]) == ({"a": "1", "b": "x"}, "first")
    assert run("data", "show", "-n", "t", "--label", "latest")[1]["version"] == "2"
    run("data", "archive", "-n", "t")
    names = [[row["name"] for row in run("data", "list", *flags)[1]] for flags in ((), ("--include-archived",))]
    assert names[1] == [*names[0], "t"] and "t" not in names[0]
    made = run("compute", "create", "-n", "cpu", "--type", "AmlCompute", "--size", "Standard_DS3_v2",
               "--min-instances", "0", "--max-instances", "4", "--skip-validation")  # fmt: skip
    said = made[1]
    assert (said["type"], said["max_instances"], said["properties"]["size"]) == ("amlcompute", 4, "Standard_DS3_v2")
    code, said = run("job", "connect-ssh", "-n", "x", "--node-index", "1")
    assert code == 1 and "only the first instance" in said
    (tmp_path / "job.yml").write_text("name: x\ncommand: sleep 9\n")
    run("job", "create", "-f", str(tmp_path / "job.yml"))
    code, said = run("job", "connect-ssh", "-n", "x", "--node-index", "0")
    assert code == 1 and "ssh_public_keys" in said
    run("compute", "delete", "-n", "cpu", "--yes")
    assert run("compute", "list")[1] == []
    assert run("workspace", "update", "--description", "ours")[1]["description"] == "ours"
    assert run("workspace", "show")[1]["name"] in [row["name"] for row in run("workspace", "list")[1]]


def test_every_command_and_flag_of_azures_command_line_is_taken():
    parser = main.parser()
    for line in Path(__file__).with_name("az_ml_commands.txt").read_text().splitlines():
        parser.parse_args(
            [*line.split(), *["-g", "g", "--subscription", "s", "-o", "json", "--query", "name", "--only-show-errors"]]
        )


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("data import --file f --name n --connection c", "outputs.x.name"),
        ("data mount --path azureml:a:1 --mount-point m --mode ro_mount", "ro_mount"),
        ("model package -n a -v 1", "online-deployment create"),
        ("workspace list-keys -n x", "token"),
        ("workspace outbound-rule list", "network"),
        ("compute connect-ssh -n x", "job connect-ssh"),
    ],
)
def test_what_is_not_there_is_told_with_what_stands_in_for_it(run, command, told):
    code, said = run(*command.split())
    assert code == 1 and told in said and len(said.splitlines()) == 1


def test_what_is_named_and_not_there_ends_with_3(run):
    for noun in ("job", "data", "compute", "online-endpoint", "workspace"):
        code, said = run(noun, "show", "-n", "nowhere")
        assert code == 3 and said.startswith("atelier: "), noun


def test_tsv_is_written_as_azures_command_line_writes_it(capsys):
    rows = [{"a": "x y", "b": None, "c": [1, 2], "d": {"e": 1}, "f": True}]
    printing.print_list(rows, ("a",), "tsv", "nothing")
    assert capsys.readouterr().out == "x y\tNone\t2\t\tTrue\n"
    printing.print_list(rows, ("a",), printing.Form("tsv", "[].f"), "nothing")
    assert capsys.readouterr().out == "true\n"


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_fields_are_set_added_and_removed_as_azures_command_line_does(run, tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    create = ("data", "create", "-n", "t", "--type", "uri_file", "--path", str(tmp_path / "t.csv"))
    made = run(*create, "--tags", "a.b=1", "c=two words", "--datastore", "x")[1]
    assert made["tags"] == {"a.b": "1", "c": "two words"}
    assert run("data", "update", "-n", "t", "--remove", "tags.c")[1]["tags"] == {"a.b": "1"}
    code, said = run("data", "update", "-n", "t", "--remove", "tags.gone")
    assert code == 1 and "there is no gone to remove; there is a.b" in said
    assert run("data", "update", "-n", "t", "--remove", "tags")[1]["tags"] == {}
    code, said = run("data", "update", "-n", "t", "--add", "tags", "x")
    assert code == 1 and said.startswith("atelier: --add tags x: tags is no list")
    assert run("data", "archive", "-n", "t", "--label", "latest")[1]["archived"] is True
    made = run("registry", "create", "-n", "shared", "--location", "here", "--tags", "a=1")
    assert made[0] == 0, made
    updated = run("registry", "update", "-n", "shared", "--description", "ours", "--set", "tags.b=2")[1]
    shown = run("registry", "show", "-n", "shared")[1]
    assert (updated["description"], shown["location"], shown["tags"]) == ("ours", "here", {"a": "1", "b": "2"})


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_jobs_are_archived_and_come_back(run, tmp_path):
    (tmp_path / "job.yml").write_text("command: echo\n")
    saved = tmp_path / "saved.yml"
    name = run("job", "create", "-f", str(tmp_path / "job.yml"), "-a", str(saved))[1]["name"]
    assert "command: echo" in saved.read_text()
    endpoint = run("job", "show", "-n", name, "--query", "services.Studio.endpoint")[1]
    assert endpoint == f"http://testserver/jobs/{name}"
    assert run("workspace", "show", "--query", "mlflow_tracking_uri")[1] == "http://testserver"
    other = run("workspace", "show", "-n", "other", "--query", "[mlflow_tracking_uri, location]")[1]
    assert other == ["http://testserver/w/other", "local"]
    run("job", "archive", "-n", name)
    assert run("job", "list")[1] == []
    run("job", "restore", "-n", name)
    assert [job["name"] for job in run("job", "list")[1]] == [name]
    assert run("job", "list", "--schedule-defined")[1] == []
    assert run("workspace", "create", "-n", "spare", "--key-vault", "k")[1]["name"] == "spare"
    assert run("workspace", "delete", "-n", "spare", "--yes")[0] == 0
    assert run("workspace", "delete", "-n", "default", "--all-resources", "--yes")[0] == 1


def test_what_is_wrong_with_a_file_is_told_by_its_own_name(run, tmp_path):
    (tmp_path / "spark.yml").write_text("name: s\ntype: synapsespark\nmin_instances: 5\n")
    code, said = run("compute", "create", "-f", str(tmp_path / "spark.yml"))
    assert code == 1 and said.startswith("atelier: spark.yml line 2, column 7:")
    assert "spark.yml line 3" in said and "compute.yml" not in said


def test_a_compute_is_attached_stopped_started_and_detached(run):
    made = run("compute", "attach", "-n", "box", "-t", "VirtualMachine", "--resource-id", "/x", "--tags", "a.b=1",
               "--admin-username", "me")[1]  # fmt: skip
    assert (made["type"], made["tags"], made["state"]) == ("virtualmachine", {"a.b": "1"}, "Running")
    assert run("compute", "stop", "-n", "box", "--no-wait")[1]["state"] == "Stopped"
    assert run("compute", "restart", "-n", "box")[1]["state"] == "Running"
    assert run("compute", "list", "--type", "AmlCompute")[1] == []
    assert run("compute", "update", "-n", "box", "--remove", "tags.a.b")[0] == 1
    assert run("compute", "update", "-n", "box", "--set", "tags.c=1", "--force-string")[1]["tags"]["c"] == "1"
    assert run("compute", "list-nodes", "-n", "box")[1] == run("compute", "list-sizes", "--location", "x")[1] == []
    assert "Slots of queue default" in [row["name"] for row in run("compute", "list-usage")[1]]
    assert "no machine to sign in to" in run("compute", "connect-ssh", "-n", "box")[1]
    assert run("compute", "detach", "-n", "box", "-y")[0] == 0 and run("compute", "list")[1] == []


def test_a_job_file_is_checked_without_being_submitted(run, tmp_path):
    (tmp_path / "src").mkdir()
    file = tmp_path / "job.yml"
    file.write_text("command: echo ${{inputs.n}}\ncode: ./src\ninputs: {n: 1}\n")
    assert run("job", "validate", "-f", str(file))[1]["result"] == "Succeeded"
    code, said = run("job", "validate", "-f", str(file), "--set", "inputs={}")
    assert code == 1 and "inputs.n" in said
    file.write_text("comand: echo\ncode: ./gone\ninputs:\n  d: {path: ./nowhere.csv}\n")
    for verb in ("validate", "create"):
        code, said = run("job", verb, "-f", str(file))
        assert code == 1 and "job.yml line 2, column 7: `code`: there is no file" in said
        assert "job.yml line 4, column 13: `inputs.d.path`" in said and "did you mean `command`" in said
    file.write_text("command: echo\n")
    assert run("job", "list")[1] == []
    job = run("job", "create", "-f", str(file), "--set", "tags.a=b")[1]["name"]
    updated = run("job", "update", "-n", job, "--set", "tags.c=d", "--display-name", "new")[1]
    assert (updated["tags"], updated["display_name"]) == ({"a": "b", "c": "d"}, "new")


def test_an_endpoint_is_made_changed_and_switched_as_azures_scripts_do(run, tmp_path, capsys):
    (tmp_path / "endpoint.yml").write_text("name: said\nauth_mode: key\ntags: {team: 7}\n")
    (tmp_path / "score.py").write_text("def init(): ...\n")
    code = {"code": ".", "scoring_script": "score.py"}
    for name in ("blue", "green"):
        (tmp_path / f"{name}.yml").write_text(json.dumps({"name": name, "code_configuration": code}))
    endpoint, blue, green = (str(tmp_path / f"{name}.yml") for name in ("endpoint", "blue", "green"))
    assert run("online-endpoint", "create", "-n", "said", "-f", endpoint)[1]["tags"] == {"team": "7"}
    create = ("online-deployment", "create", "--endpoint", "said", "--no-wait", "-f")
    code, said = run(*create, blue, "--all-traffic")
    assert code == 1 and "score.py: it defines no run" in said and "--skip-script-validation" in said
    assert run(*create, blue, "--all-traffic", "--skip-script-validation")[1]["provisioning_state"] == "Creating"
    run(*create, green, "--skip-script-validation")
    update = ("online-deployment", "update", "-n", "blue", "--endpoint", "said", "--no-wait")
    assert run(*update, "--set", "instance_count=2")[1]["instance_count"] == 2
    changed = run(*update, "--set", "environment_variables.A=1", "request_settings.request_timeout_ms=9000")[1]
    assert (changed["environment_variables"], changed["instance_count"]) == ({"A": "1"}, 2)
    assert changed["request_settings"]["request_timeout_ms"] == 9000
    change = ("online-endpoint", "update", "-n", "said")
    switched = run(*change, "--traffic", "blue=0 green=100", "--set", "tags.b=x")[1]
    assert (switched["traffic"], switched["tags"]) == ({"blue": 0, "green": 100}, {"team": "7", "b": "x"})
    assert run(*change, "-f", endpoint, "--description", "new")[1]["description"] == "new"
    assert run(*change, "--roll-back")[1]["traffic"] == {"blue": 100}
    assert run(*change)[0] == 2
    assert run("online-endpoint", "get-metrics", "-n", "said", "--range", "24h")[1] == []
    assert run("online-endpoint", "get-requests", "-n", "said", "--status", "5xx")[1] == []
    assert run("online-deployment", "get-logs", "--endpoint", "said", "-n", "blue", "-c", "inference-server")[0] == 0


def test_files_are_scored_by_a_batch_endpoint_as_azures_scripts_do(run, tmp_path):
    (tmp_path / "endpoint.yml").write_text("name: reds\ntags: {team: 7}\nauth_mode: aad_token\n")
    (tmp_path / "score.py").write_text("def init(): ...\ndef run(mini_batch): return mini_batch\n")
    (tmp_path / "weights.txt").write_text("red")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.txt").write_text("a")
    # The older form, in which settings stand beside the name.
    flat = {"output_action": "append_row", "mini_batch_size": 5, "retry_settings": {"max_retries": 1, "timeout": 30}}
    model = {"path": "weights.txt", "type": "custom_model"}
    code = {"code": ".", "scoring_script": "score.py"}
    own = {
        "name": "blue",
        "endpoint_name": "reds",
        "model": model,
        "code_configuration": code,
        "compute": "azureml:cpu",
    }
    (tmp_path / "blue.yml").write_text(json.dumps(own | flat | {"logging_level": "INFO"}))
    (tmp_path / "green.yml").write_text(json.dumps({"type": "model", **own, "settings": flat}))
    assert run("batch-endpoint", "create", "-f", str(tmp_path / "endpoint.yml"))[1]["tags"] == {"team": "7"}
    deploy = ("batch-deployment", "create", "--endpoint-name", "reds")
    made = run(*deploy, "-f", str(tmp_path / "blue.yml"), "--set-default")[1]
    assert made["settings"]["mini_batch_size"] == 5 and made["model"] == "azureml:reds-model:1"
    run(*deploy, "-f", str(tmp_path / "green.yml"), "-n", "green")
    assert run("batch-endpoint", "show", "-n", "reds", "--query", "defaults.deployment_name")[1] == "blue"
    run("batch-endpoint", "update", "-n", "reds", "--set", "defaults.deployment_name=green")
    changed = run("batch-deployment", "update", "-n", "blue", "-e", "reds", "--set", "settings.error_threshold=3")[1]
    assert (changed["settings"]["error_threshold"], changed["settings"]["mini_batch_size"]) == (3, 5)
    invoke = ("batch-endpoint", "invoke", "-n", "reds")
    first = run(*invoke, "--input", str(tmp_path / "pictures"), "--mini-batch-size", "2", "--set", "job_name=one")[1]
    assert first["name"] == "one" and first["type"] == "pipeline"
    run("data", "create", "-n", "pics", "-v", "1", "--type", "uri_folder", "--path", str(tmp_path / "pictures"))
    second = run(*invoke, "--input", "azureml:pics:1", "--input-type", "uri_folder", "--deployment-name", "blue")[1][
        "name"
    ]
    assert [job["name"] for job in run("batch-endpoint", "list-jobs", "-n", "reds")[1]] == [second, "one"]
    assert [job["name"] for job in run("batch-deployment", "list-jobs", "-n", "green", "-e", "reds")[1]] == ["one"]
    pipeline = {
        "name": "copying",
        "type": "pipeline",
        "inputs": {"data": {"type": "uri_folder"}, "word": {"type": "string"}},
    }
    step = {"command": "echo ${{inputs.word}}", "inputs": {"word": "${{parent.inputs.word}}"}}
    (tmp_path / "pipeline.yml").write_text(json.dumps(pipeline | {"jobs": {"say": step}}))
    deployed = {"name": "pipe", "endpoint_name": "reds", "type": "pipeline", "component": "pipeline.yml"}
    settings = {"continue_on_step_failure": False, "default_compute": "cpu"}
    (tmp_path / "pipe.yml").write_text(json.dumps(deployed | {"settings": settings}))
    inputs = {"data": {"type": "uri_folder", "path": "pictures"}, "word": {"type": "string", "default": "hello"}}
    (tmp_path / "inputs.yml").write_text(json.dumps({"inputs": inputs}))
    assert run(*deploy, "-f", str(tmp_path / "pipe.yml"))[1]["component"] == "azureml:copying:1"
    third = run(*invoke, "-d", "pipe", "-f", str(tmp_path / "inputs.yml"), "--set", "inputs.word.default=bye")
    assert third[0] == 0, third
    code, said = run(*invoke, "--inputs", "epochs=5")
    assert code == 1 and "takes data, not a integer" in said
    assert run("batch-deployment", "delete", "-n", "blue", "-e", "reds", "-y")[0] == 0
    assert run("batch-endpoint", "delete", "-n", "reds", "-y")[0] == 0 and run("batch-endpoint", "list")[1] == []
