"""Names of jobs: which are allowed, and new ones in Azure ML's `adjective_noun_random` form."""

import re
import secrets
import string

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
RULE = "use up to 255 letters, digits, '_' and '-', a letter or digit first"


def _words(text: str) -> list[str]:
    return text.split()


_ADJECTIVES = _words(
    "amiable amusing blue bold brave bright bubbly busy calm careful cheerful clever cool coral crimson curious "
    "dapper deep dreamy eager elated epic fair frank frosty gentle gifted good great green happy helpful honest "
    "icy ivory jolly joyful keen khaki kind lemon lively loyal lucid magenta maroon mellow modest neat nice nimble "
    "olive patient placid plucky plum polite proud purple quick quiet red ripe sharp shy silver sincere sleepy "
    "smart stoic strong sunny tender tidy tough upbeat vivid willing witty yellow zen"
)
_NOUNS = _words(
    "acoustics airport angle apple arch arm bag balloon basin basket beach bean bell bird boat bone book bottle "
    "branch bread bridge brush bucket cabbage cake camera card carnival carpet carrot cart cartoon celery chain "
    "cheese circle cloud coat collar comb cup curtain deer diamond dinner door drawer dream ear engine eye farm "
    "feather fennel fig flag floor flower fork fox frame garden gold grape guitar hat heart hominy house insect "
    "jewel kettle king kite kitchen knee knot lamp leaf lemon library lime loquat map melon monkey moon mango night "
    "nut oil onion orange oven parcel pear pen pipe plum pot prune pump queen rail rain rice ring river roof root "
    "sail school shampoo ship sky snail soup spade spoon square squash stamp star station stem stomach stone store "
    "street sugar sun table thread ticket toe tongue tooth town train tree truck turnip vase wall wheel whistle wing "
    "worm yacht yam yogurt zebra"
)
_RANDOM = string.ascii_lowercase + string.digits


def generate_name() -> str:
    ending = "".join(secrets.choice(_RANDOM) for _ in range(10))
    return f"{secrets.choice(_ADJECTIVES)}_{secrets.choice(_NOUNS)}_{ending}"
