"""One derivative, found three ways: by trying, by hand, and by `backward`.

f(x) = x·x + x is a function whose slope anybody can check. If you trust the third way here, you can
trust it on a network, where nobody can check by hand: it is the same three lines of code.

Run it, read it, change f. Read next: `02_chain_rule.py`, which shows how `backward` does it.
"""

import tinygrad_ml as tg


def f(x):
    return x * x + x  # only operators: so f takes Python numbers and tensors alike


def slope_by_hand(x):
    return 2 * x + 1  # the derivative of x² is 2x, that of x is 1


x0 = 3.0
exact = slope_by_hand(x0)
print(f"f(x) = x·x + x at x = {x0:g}, where it is {f(x0):g}. How steep is it there?\n")

print("1. By trying: move x a little, and see how far f moves: (f(x + h) - f(x)) / h")
print("          h       slope     off by")
for exponent in range(0, -17, -2):
    h = 10.0**exponent
    slope = (f(x0 + h) - f(x0)) / h
    print(f"      {h:5.0e}  {slope:10.7f}   {abs(slope - exact):8.1e}")
print("   Smaller steps help, until x + h rounds back to x. It is never exact, and it costs one more")
print("   run of f for every number in x: for a network with a million of them, a million runs.\n")

print(f"2. By hand: f'(x) = 2x + 1 = {exact:g}")
print("   Exact, and a new piece of work for every f.\n")

x = tg.tensor(x0, requires_grad=True, name="x")
y = f(x)  # computes f, and remembers the operations
y.backward()  # walks them back, with the chain rule
print(f"3. By backward: {x.grad.item():g}")
print("   Exact, for every f made of known operations, and one walk back finds the slopes of all inputs.\n")

print("The walk back is made of operations too, so it can be walked back itself:")
(first,) = tg.grad(f(x), x, create_graph=True)
(second,) = tg.grad(first, x, create_graph=True)
(third,) = tg.grad(second, x)
print(f"   f'({x0:g}) = {first.item():g}    f''({x0:g}) = {second.item():g}    f'''({x0:g}) = {third.item():g}")
