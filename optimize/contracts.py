"""The contracts a caller may state with `--assume`, by name.

A contract is a promise about how the module is used. None is a default, an unknown one is a usage
error, and whatever was stated appears in the report, with what used it.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COMPONENT", "CONTRACTS", "Contract", "ContractError", "parse_contracts"]


@dataclass(frozen=True, slots=True)
class Contract:
    """One known contract: its name, whether it takes a value, and what it promises."""

    name: str
    takes_value: bool
    meaning: str


class ContractError(ValueError):
    """A contract that is not known, or that lacks its value."""


CONTRACTS: dict[str, Contract] = {
    contract.name: contract
    for contract in (
        Contract("trap-kills", False, "after a trap the instance is not used again"),
        Contract(
            "no-exhaustion",
            False,
            "a trap that only a bump pointer at the end of memory would raise need not be kept",
        ),
        Contract(
            "p3-async",
            False,
            "waitable-set, context and event functions behave as the Component Model says",
        ),
        Contract("host-pure", True, "these imports have no effect but their result"),
        Contract("no-reentry", False, "imports do not call back into the instance"),
        Contract(
            "resource-handles", False, "[resource-rep] of [resource-new](x) is x until the drop"
        ),
        Contract("allocator", True, "these functions are malloc, realloc and free"),
        Contract("rodata", True, "this part of a data segment is never written"),
        Contract("regions", False, "shadow stack, static data and heap do not overlap"),
    )
}

COMPONENT = ("trap-kills", "no-reentry", "p3-async", "resource-handles")
"""What `--assume component` stands for: the promises the Component Model itself makes."""


def parse_contracts(stated: tuple[str, ...]) -> tuple[str, ...]:
    """The stated contracts one by one, `component` spelled out, duplicates gone, order kept.

    Raises ContractError for a name that is not known, a value that is missing or one too many.
    """
    found: dict[str, None] = {}
    for text in stated:
        name, equals, value = text.partition("=")
        if name == "component" and not equals:
            found.update(dict.fromkeys(COMPONENT))
            continue
        contract = CONTRACTS.get(name)
        if contract is None:
            known = ", ".join(("component", *CONTRACTS))
            raise ContractError(f"unknown contract '{name}' (known: {known})")
        if contract.takes_value and not value:
            raise ContractError(f"contract '{name}' needs a value: --assume {name}=VALUE")
        if equals and not contract.takes_value:
            raise ContractError(f"contract '{name}' takes no value")
        found[text] = None
    return tuple(found)
