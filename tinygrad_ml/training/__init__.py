"""Training: the loop that brings a model, its data and an optimiser together.

    trainer = Trainer(model, optim.Adam(model.parameters(), lr=1e-3))
    trainer.fit(DataLoader(train_data, batch_size=128, shuffle=True), epochs=5, validation=DataLoader(test_data, 500))
    trainer.history["val_accuracy"][-1]

Read in this order: `loop.py` (epochs of batches, and who is told), `metrics.py` (sums over batches, on the device),
`together.py` (the same by
several ranks), `trainer.py` (a network trained with both). Keras's `fit` spells the same loop.
"""

from .loop import Events as Events
from .loop import Loop as Loop
from .metrics import Metric as Metric
from .trainer import History as History
from .trainer import Measures as Measures
from .trainer import Tally as Tally
from .trainer import Trainer as Trainer
from .trainer import hits as hits
