"""Dead work: instructions whose result nobody needs."""

from ..program import Program


def dead(program: Program) -> Program:
    """Without the instructions that lead to no result and no write. Random draws stay: their stream has to go on."""
    needed = {*program.results, *(value for _, value in program.writes)}
    kept = []
    for instruction in reversed(program.instructions):
        if instruction.output in needed or getattr(instruction.op, "effect", False):
            needed.update(instruction.inputs)
            kept.append(instruction)
    return program.with_instructions(reversed(kept))
