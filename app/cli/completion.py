"""`atelier completion`: a script by which a shell completes commands, options and their values."""

import argparse
import shlex
from collections import defaultdict
from collections.abc import Iterator

SHELLS = ("bash", "zsh", "fish")
# zsh runs completions of bash by a module of its own.
_ZSH = "autoload -U +X compinit bashcompinit && compinit -u && bashcompinit\n"
_SCRIPT = """\
_atelier() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" path="" words="" index word
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="${{COMP_WORDS[index]}}"
    case "$word" in -*) break ;; esac
    path="$path $word"
  done
  COMPREPLY=()
  case "$path $previous" in
{values}
  esac
  if [ -z "$words" ]; then
    case "$path" in
{words}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _atelier atelier
"""
_FISH = """\
function __atelier_is
    set -l words
    for word in (commandline -opc)[2..]
        string match -q -- '-*' $word; and break
        set -a words $word
    end
    test "$words" = "$argv"
end
complete -c atelier -f
{lines}
"""


def register(commands: argparse._SubParsersAction) -> None:
    text = "print a script by which a shell completes commands"
    completion = commands.add_parser(
        "completion",
        help=text,
        description=f"{text.capitalize()}. Load it with: source <(atelier completion bash)",
    )
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from app.cli.main import parser

    print(script(parser(), options.shell), end="")


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """What follows a path of commands, ` job create`, and what follows an option there."""
    if shell == "fish":
        return _FISH.format(lines="\n".join(_fish(parser)))
    words, values = [], list(_values(parser))
    for path, command in _commands(parser, ""):
        words.append(f'    "{path}") words="{" ".join(_following(command))}" ;;')
    made = _SCRIPT.format(words="\n".join(words), values="\n".join(values))
    return f"{_ZSH}{made}" if shell == "zsh" else made


def _fish(parser: argparse.ArgumentParser) -> Iterator[str]:
    for path, command in _commands(parser, ""):
        at = f"complete -c atelier -n '__atelier_is{path}'"
        for action in command._actions:
            if isinstance(action, argparse._SubParsersAction):
                helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
                for name in action.choices:
                    yield f"{at} -a {name} -d {shlex.quote(helps.get(name, ''))}"
            elif action.help != argparse.SUPPRESS:
                yield f"{at}{_fish_option(action)}"


def _fish_option(action: argparse.Action) -> str:
    names = "".join(f" -l {name[2:]}" if name[:2] == "--" else f" -s {name[1:]}" for name in action.option_strings)
    takes = f" -xa {shlex.quote(' '.join(map(str, action.choices)))}" if action.choices else " -rF"
    return f"{names}{'' if action.nargs == 0 else takes}"


def _commands(parser: argparse.ArgumentParser, path: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield path, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield from _commands(command, f"{path} {name}")


def _shown(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """What is only taken for scripts of Azure's is not offered."""
    return [action for action in parser._actions if action.help != argparse.SUPPRESS]


def _following(parser: argparse.ArgumentParser) -> list[str]:
    named = [choice for action in parser._actions if not action.option_strings for choice in action.choices or ()]
    options = [name for action in _shown(parser) for name in action.option_strings if name.startswith("--")]
    return [*named, *options]


def _values(parser: argparse.ArgumentParser) -> Iterator[str]:
    """An option that takes a value is followed by its choices, or by the names of files.

    One that is so in every command is named once.
    """
    places: dict[str, dict[str, str]] = defaultdict(dict)
    for path, command in _commands(parser, ""):
        for action in _shown(command):
            then = f'words="{" ".join(map(str, action.choices))}"' if action.choices else "return"
            for name in action.option_strings:
                places[name][path] = then if action.nargs != 0 else ""
    for name, found in places.items():
        if len(set(found.values())) == 1:
            found = {"*": next(iter(found.values()))}
        for path, then in found.items():
            if then:
                yield f"""    {path if path == "*" else f'"{path}"'}" {name}") {then} ;;"""
