"""The experiments of an introductory course in deep learning, each a script: `python -m examples.lessons.NAME`.

`python -m examples.lessons` runs them all, and writes a report. `COURSE` is the order in which to read them;
`../README.md` has the course map. Read next: `common.py`, then the first of them.
"""

COURSE = (
    "three_steps",
    "sums_of_sigmoids",
    "forward_by_hand",
    "mnist_in_keras",
    "older_spelling",
    "mse_or_cross_entropy",
    "from_logits",
    "several_labels",
    "full_batch_or_mini_batch",
    "batch_size",
    "simple_or_complex",
    "depth_with_sigmoid",
    "sigmoid_or_relu",
    "relu_family",
    "saddle_or_minimum",
    "optimizers",
    "learning_rate_schedules",
    "overfitting",
    "dropout",
    "augmentation",
    "convolution",
    "folder_of_images",
    "counting_letters",
    "mlp_of_letters",
    "rnn_unrolled",
    "lstm_remembers",
    "attention_by_hand",
    "gpt_of_names",
)
