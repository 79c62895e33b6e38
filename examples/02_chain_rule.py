"""The chain rule on a graph: numbers flow forward, and slopes flow back along the same edges.

Three scalars a, b, c make one loss. The forward pass leaves a number at each node; the backward
pass asks each node: if you grew by a little, how much would the loss grow? A node needs two things
to answer: the answer of the node after it, and its own local derivative. It multiplies them.

Read next: `03_training_loop.py`, which uses the answers to make the loss small. In the library, the
walk back is `backpropagate` in `tinygrad_ml/graph.py`.
"""

import tinygrad_ml as tg

a = tg.tensor(2.0, requires_grad=True, name="a")
b = tg.tensor(-3.0, requires_grad=True, name="b")
c = tg.tensor(10.0, requires_grad=True, name="c")

p = a * b
s = p + c
loss = s * s  # s is used twice, so it hears from two edges

for inner in (p, s):
    inner.retain_grad()  # `backward` keeps the slopes of a, b, c only, unless asked
loss.backward()

print("""
    a ──┐
        ├─ × ── p ──┐
    b ──┘           ├─ + ── s ══ × ── loss        p = a·b    s = p + c    loss = s·s
    c ──────────────┘
""")

print("Forward, left to right: each node computes its value.")
print(f"   a = {a:g}, b = {b:g}, c = {c:g}")
print(f"   p    = a·b   = {a:g} · {b:g} = {p:g}")
print(f"   s    = p + c = {p:g} + {c:g} = {s:g}")
print(f"   loss = s·s   = {s:g} · {s:g} = {loss:g}\n")

print("Backward, right to left: slope of the loss at a node = slope at the next node × local derivative.")
at_loss = 1.0
print(f"   loss   {at_loss:g}, as the loss grows as fast as itself")
at_s = at_loss * s.item() + at_loss * s.item()
print(f"   s      {at_loss:g} · {s:g} + {at_loss:g} · {s:g} = {at_s:g}   (two edges lead here: their shares add up)")
at_p, at_c = at_s * 1.0, at_s * 1.0
print(f"   p      {at_s:g} · 1 = {at_p:g}          (a sum hands its slope to both sides unchanged)")
print(f"   c      {at_s:g} · 1 = {at_c:g}")
at_a, at_b = at_p * b.item(), at_p * a.item()
print(
    f"   a      {at_p:g} · b = {at_p:g} · {b:g} = {at_a:g}    (a product hands over the slope times the *other* side)"
)
print(f"   b      {at_p:g} · a = {at_p:g} · {a:g} = {at_b:g}\n")

print("The same from loss.backward():")
print("   node   value    slope of the loss")
for name, node, by_hand in [
    ("loss", loss, at_loss),
    ("s", s, at_s),
    ("p", p, at_p),
    ("c", c, at_c),
    ("b", b, at_b),
    ("a", a, at_a),
]:
    slope = node.grad.item() if node.grad is not None else at_loss
    assert slope == by_hand
    print(f"   {name:<5} {node.item():7g} {slope:12g}")

step = 0.01
a2, b2, c2 = (t.item() - step * t.grad.item() for t in (a, b, c))
print(f"\nWhat it is good for: move a, b and c by {step} against their slopes, and the loss")
print(f"falls from {loss:g} to {(a2 * b2 + c2) ** 2:.4f}. Doing so again and again is called training.")
