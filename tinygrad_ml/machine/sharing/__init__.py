"""Work that threads share: a job is a number of tasks, which any thread may take.

job.py      a job is a row of integers
rows.py     a loop as a job: a task is a part of its rows
stretch.py  jobs that are one call, as such a row
again.py    jobs that are done again with other arrays
tasks.py    functions of Python as tasks
board.py    where threads find tasks, in the language of LLVM
workers.py  the threads
"""
