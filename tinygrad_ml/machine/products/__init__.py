"""Matrix products as machine code of our own.

NumPy's products come from a library that is made for large matrices. A step of a small network has many
small ones, whose operands are in the cache already, and for these it is faster to read them where they lie than to
copy them into order first. Every sum has one order, whoever computes it: results do not depend on the number of threads.

    plan.py             which products run so, and how their work is divided
    fields.py           what each is told
    tiles.py            the product itself, in the language of LLVM
    parts.py            its functions as modules, of which a program has those that it needs
    windows.py          which convolutions run so
    convolution.py      a product with windows that are not laid out
    weight_gradient.py  the product that is the gradient of its weights
    fewer.py            which convolutions of 3 by 3 run with fewer multiplications
    winograd.py         how these do
    winograd_gradient.py  and the gradients of their weights
    attending.py        which attention runs block by block
    attention.py        how that does, and its gradient
"""
