"""The programs of `suite.py`, a family in a file. Read first: `program.py`, then `images.py`."""

from suite import adversaries, derivatives, images, perceptrons, recurrent, sums, text
from suite.program import Program

PROGRAMS: dict[str, type[Program]] = {
    found.title: found
    for found in (
        perceptrons.XOR,
        perceptrons.LinearRegression,
        perceptrons.Moons,
        perceptrons.Digits,
        perceptrons.Course,
        images.TwoConvolutions,
        images.ResNet9,
        images.VAE,
        recurrent.LSTM50,
        recurrent.LSTM200,
        recurrent.LSTM50ByHand,
        recurrent.LSTM200ByHand,
        recurrent.GRU40,
        recurrent.GRU40ByHand,
        recurrent.RNN50,
        recurrent.RNN50ByHand,
        text.GPT,
        text.Word2Vec,
        text.EmbeddingBag,
        sums.GraphConvolution,
        sums.CTC,
        sums.CTCLoss,
        sums.LogisticRegression,
        sums.Newton,
        derivatives.PINN,
        derivatives.NeuralODE,
        derivatives.MAML,
        derivatives.Accumulation,
        adversaries.GAN,
        adversaries.WGANGP,
    )
}
