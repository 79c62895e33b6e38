"""Matrix products as machine code of our own, on all cores.

NumPy's products come from a library that is made for large matrices. A step of a small network has many
small ones, whose operands are in the cache already; for these a loop that reads them where they lie is
faster than copying them into order first, and work can be shared between threads without waking any.

    plan.py       which products run so, and what each is told: sizes and strides, a row of numbers
    tiles.py      the product itself, in the language of LLVM
    sharing.py    the tasks of a job, taken by whichever thread is free
    workers.py    the threads
    assembler.py  words for writing LLVM's language
    native.py     from that language to machine code, which is kept for the next process
"""
