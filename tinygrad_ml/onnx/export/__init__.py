"""The way out: a network of this library as an ONNX file.

    tg.onnx.export(model, (100, 784), "model.onnx", dynamic={0: "batch"})

How it goes, a file a step:

1. `inputs.py` reads what the function is given, and which sizes may vary.
2. `watching.py` records what it does, by the recorder of `tg.compile`, at a few sizes. Nothing is computed.
3. `varying.py` lays these recordings over each other: what differs, follows from the sizes.
4. `writer.py` writes nodes, by the table (`table.py`, `rows/`): a row an operation, and a row a composed function that is one
   operator of ONNX. `sizes.py` and `constants.py` write down how sizes, and arrays of such sizes, follow from the inputs.
5. `naming.py` names nodes and values after modules, and `model_file.py` makes the file, has it checked, and writes it.

Read next: `exporting.py`.
"""

from .exporting import export as export
