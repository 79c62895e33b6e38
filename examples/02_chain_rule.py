"""The chain rule on a graph: numbers flow forward, and slopes flow back along the same edges.

    a ──┐
        ├─ × ── p ──┐
    b ──┘           ├─ + ── s ══ × ── loss        p = a·b    s = p + c    loss = s·s
    c ──────────────┘

Going forward, each node computes a number. Going back, each node is asked: if you grew a little,
how much would the loss grow? It asks the node after it the same question, and multiplies the answer
by its local derivative, which says how much *that* node grows with it. This is all of backpropagation.

Read next: `03_training_loop.py`, which uses the answers. In the library, the walk back is the
function `backpropagate` in `tinygrad_ml/graph/walk.py`.
"""

import tinygrad_ml as tg
import viz

print(__doc__.split("\n\n")[1] + "\n")  # the graph above

# By hand, with plain numbers. Forward:
a, b, c = 2.0, -3.0, 10.0
p = a * b
s = p + c
loss = s * s

# Backward. The loss grows exactly as fast as itself:
d_loss = 1.0
# s = p + c is used twice in s·s. Each use sends its share, slope times the other side, and they add up:
d_s = d_loss * s + d_loss * s
# A sum hands its slope to both sides unchanged:
d_p, d_c = d_s * 1, d_s * 1
# A product hands to each side its slope times the other side:
d_a, d_b = d_p * b, d_p * a

by_hand = {"loss": (loss, d_loss), "s": (s, d_s), "p": (p, d_p), "c": (c, d_c), "b": (b, d_b), "a": (a, d_a)}

# By the library: the forward pass is written as before, the backward pass is one call.
a, b, c = (tg.tensor(number, requires_grad=True, name=name) for number, name in ((a, "a"), (b, "b"), (c, "c")))
p = a * b
s = p + c
loss = s * s
for inner, name in ((p, "p"), (s, "s"), (loss, "loss")):
    inner.name = name
    inner.retain_grad()  # unless asked, only what comes from outside (a, b, c) keeps its slope

print("Step by step, in the order in which the library works (∂loss/∂s is the slope of the loss at s):\n")
print(f"{viz.steps(loss)}\n")

loss.backward()

print("          value     slope of the loss")
print("node               by hand   by backward()")
for (name, (value, slope)), node in zip(by_hand.items(), (loss, s, p, c, b, a), strict=True):
    print(f"{name:<5} {value:9g} {slope:10g} {node.grad:12g}")

step = 0.01
a, b, c = (t.item() - step * t.grad.item() for t in (a, b, c))
print(f"\nWhat it is good for: move a, b and c a little, by {step} times the slope, downhill.")
print(f"The loss falls from {loss:g} to {(a * b + c) ** 2:.4f}. Doing so again and again is called training.")
