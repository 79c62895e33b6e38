"""Where every optimiser goes from given slopes: fixed numbers, computed with PyTorch 2.13.0 in float64, and those of the
Keras face with Keras 3.15.1 on PyTorch in float32.

`python -m tests.optimizer_numbers` computes them anew with what is installed, and prints the tables; `tests/compare` sees
that they are the same.
"""

import math

SHAPE = (2, 2)
START = [[1.0, -0.5], [0.25, 2.0]]
SCALES = [[1.0, 0.01], [1e-8, 0.0]]  # so small that ε counts; and never any slope at all
SEEN = (1, 2, 7)

CASES = {
    "SGD": ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    "SGD nesterov": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "Adagrad": ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.01, "initial_accumulator_value": 1e-15}),
    "RMSprop": ("RMSprop", {"lr": 0.01}),
    "RMSprop centered": ("RMSprop", {"lr": 0.01, "momentum": 0.8, "centered": True, "weight_decay": 0.01}),
    "Adadelta": ("Adadelta", {"lr": 0.5, "weight_decay": 0.01}),
    "Adam": ("Adam", {"lr": 0.1}),
    "Adam amsgrad": ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.01, "betas": (0.8, 0.9), "maximize": True}),
    "AdamW": ("AdamW", {"lr": 0.1, "weight_decay": 0.1}),
    "NAdam": ("NAdam", {"lr": 0.1, "weight_decay": 0.01}),
    "NAdam decoupled": (
        "NAdam",
        {"lr": 0.1, "momentum_decay": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True},
    ),
    "RAdam": ("RAdam", {"lr": 0.1}),
    "RAdam decoupled": ("RAdam", {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "Adamax": ("Adamax", {"lr": 0.1, "weight_decay": 0.01}),
    "Rprop": ("Rprop", {"lr": 0.1, "step_sizes": (0.08, 0.11)}),
    "ASGD": ("ASGD", {"lr": 0.1, "lambd": 0.1, "t0": 2, "weight_decay": 0.01}),
    "Muon": ("Muon", {"lr": 0.1}),
    "Muon as AdamW": ("Muon", {"lr": 0.1, "nesterov": False, "momentum": 0.5, "adjust_lr_fn": "match_rms_adamw"}),
    "LBFGS": ("LBFGS", {"lr": 0.5, "max_iter": 3}),
    "LBFGS search": ("LBFGS", {"line_search_fn": "strong_wolfe", "max_iter": 4}),
}


def slope(t: int) -> list[list[float]]:
    """The gradient in the t-th step."""
    return [[SCALES[i][j] * math.cos(1.7 * t + i - j) for j in range(2)] for i in range(2)]


def hollow(x):
    """A loss for those who ask for one, for the tensors of either library."""
    return (x * x * x * x).sum() / 4 + ((x - 1) * (x - 1)).sum() + x[0, 0] * x[1, 1] + x[0, 1] * x[1, 0]


def walk(optimizer, parameter, tensor) -> list[list[float]]:
    """Where the parameter is after the steps `SEEN`, each as four numbers; `tensor` makes a gradient of lists."""

    def closure():
        optimizer.zero_grad()
        loss = hollow(parameter)
        loss.backward()
        return loss

    seen = []
    for t in range(1, SEEN[-1] + 1):
        if type(optimizer).__name__ == "LBFGS":
            optimizer.step(closure)
        else:
            parameter.grad = tensor(slope(t))
            optimizer.step()
        if t in SEEN:
            seen.append([float(number) for number in parameter.detach().numpy().ravel()])
    return seen


def by_torch(name: str) -> list[list[float]]:
    """The numbers of PyTorch."""
    import torch

    kind, options = CASES[name]
    parameter = torch.nn.Parameter(torch.tensor(START, dtype=torch.float64))
    optimizer = getattr(torch.optim, kind)([parameter], **options)
    of_matrix, torch.Tensor.bfloat16 = torch.Tensor.bfloat16, torch.Tensor.clone  # Muon's products, in float64
    try:
        return walk(optimizer, parameter, lambda numbers: torch.tensor(numbers, dtype=torch.float64))
    finally:
        torch.Tensor.bfloat16 = of_matrix


KERAS = {
    "SGD": ("SGD", {"learning_rate": 0.1}),
    "SGD momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "clipvalue": 0.5}),
    "SGD nesterov": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True, "clipnorm": 0.3}),
    "RMSprop": ("RMSprop", {"learning_rate": 0.01}),
    "RMSprop centered": ("RMSprop", {"learning_rate": 0.01, "momentum": 0.8, "centered": True, "global_clipnorm": 0.3}),
    "Adagrad": ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 1e-15, "weight_decay": 0.1}),
    "Adadelta": ("Adadelta", {"learning_rate": 0.5}),
    "Adam": ("Adam", {"learning_rate": 0.1}),
    "Adam amsgrad": ("Adam", {"learning_rate": 0.1, "amsgrad": True, "beta_1": 0.8, "beta_2": 0.9}),
    "AdamW": ("AdamW", {"learning_rate": 0.1, "weight_decay": 0.1}),
}


def walk_in_keras(optimizer, weight, tensor) -> list[list[float]]:
    """The same for an optimiser and a weight of Keras; `tensor` makes a gradient of lists."""
    seen = []
    for t in range(1, SEEN[-1] + 1):
        optimizer.apply_gradients([(tensor(slope(t)), weight)])
        if t in SEEN:
            seen.append([float(number) for number in weight.numpy().ravel()])
    return seen


def by_keras(name: str) -> list[list[float]]:
    """The numbers of Keras."""
    import os

    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    kind, options = KERAS[name]
    return walk_in_keras(getattr(keras.optimizers, kind)(**options), keras.Variable(START), keras.ops.convert_to_tensor)


# The parameter after each of the steps `SEEN`.
NUMBERS = {
    "SGD": [
        [1.01188444943, -0.500264842187, 0.249750000904, 1.998],
        [1.08954800828, -0.499636839165, 0.249350176932, 1.9948014],
        [1.20202541361, -0.492518473843, 0.245590458429, 1.96472363774],
    ],
    "SGD nesterov": [
        [1.02448045392, -0.501453200156, 0.250000001718, 2],
        [1.21860851454, -0.500671674268, 0.250000003034, 2],
        [1.2958754678, -0.49981086064, 0.250000003008, 2],
    ],
    "Adagrad": [
        [1.09999999992, -0.599999996217, 0.150000004008, 1.9000000005],
        [1.19021438242, -0.510822650637, 0.103227609388, 1.83738641327],
        [1.13884767418, -0.416360572891, 0.0287133213789, 1.67683748604],
    ],
    "RMSprop": [
        [1.09999992239, -0.599998692558, 0.258291142339, 2],
        [1.19913218398, -0.530411704996, 0.261097683305, 2],
        [1.13958984094, -0.505388619726, 0.250846026447, 2],
    ],
    "RMSprop centered": [
        [1.10050369653, -0.600499967697, 0.14950025873, 1.89949672352],
        [1.28077228228, -0.582478977508, 0.0170999180722, 1.74935027908],
        [1.5768864238, -0.231481451634, -0.0513618472201, 0.857733736422],
    ],
    "Adadelta": [
        [1.00158057939, -0.501015201357, 0.249019421507, 1.99843826238],
        [1.0038008775, -0.49922880781, 0.248027722658, 1.9968370751],
        [1.00183403671, -0.494925825076, 0.242990996222, 1.9885243543],
    ],
    "Adam": [
        [1.09999999224, -0.599999869254, 0.297480981527, 2],
        [1.18260938075, -0.596564432487, 0.332703326447, 2],
        [1.25003686567, -0.57539241471, 0.350801917097, 2],
    ],
    "Adam amsgrad": [
        [0.900000007202, -0.400000079061, 0.150000399997, 1.90000005],
        [0.815471674635, -0.359164696476, 0.0544912470324, 1.80018305646],
        [0.759319674413, -0.177355466518, -0.0783143036351, 1.30885909678],
    ],
    "AdamW": [
        [1.08999999224, -0.594999869254, 0.294980981527, 1.98],
        [1.16170938083, -0.585614433795, 0.327253516632, 1.9602],
        [1.17065399429, -0.536313199379, 0.328956381148, 1.86413069581],
    ],
    "NAdam": [
        [1.10564517024, -0.605644780236, 0.144355243447, 1.89435487369],
        [1.21012325708, -0.504338945384, 0.0866207833323, 1.8178976199],
        [1.15103881045, -0.29849461387, -0.0196550307887, 1.46673959471],
    ],
    "NAdam decoupled": [
        [1.09570623884, -0.600706108834, 0.297690363631, 1.98],
        [1.18894460017, -0.526917244801, 0.310683943897, 1.9602],
        [1.08071478912, -0.464392956831, 0.260305914748, 1.86413069581],
    ],
    "RAdam": [
        [1.01288444943, -0.500764842187, 0.250000000904, 2],
        [1.06987172508, -0.500739033899, 0.250000001494, 2],
        [1.09050524717, -0.500056488389, 0.250010174098, 2],
    ],
    "RAdam decoupled": [
        [1.00288444943, -0.495764842187, 0.247500000904, 1.98],
        [1.0522930376, -0.490737460451, 0.245025001468, 1.9602],
        [1.01766607729, -0.456472972174, 0.232337426477, 1.86413069581],
    ],
    "Adamax": [
        [1.09999999159, -0.599999622418, 0.1500004, 1.90000005],
        [1.1585213865, -0.556748379932, 0.0709741874482, 1.80253421048],
        [1.19746177574, -0.355910292564, -0.0903125845763, 1.35466201918],
    ],
    "Rprop": [[1.1, -0.6, 0.35, 2], [1.21, -0.6, 0.46, 2], [1.21, -0.52, 0.204, 2]],
    "ASGD": [
        [1.00188444946, -0.495264842117, 0.247250000863, 1.97799999967],
        [1.08690666495, -0.489125522858, 0.244550472484, 1.95640377027],
        [0.962159253112, -0.463156937995, 0.231764590085, 1.85411672062],
    ],
    "Muon": [
        [1.05952125896, -0.499126896695, 0.247500016787, 1.98000020061],
        [1.11856920146, -0.493875485146, 0.245025017116, 1.96020019733],
        [1.13056426315, -0.466900277952, 0.233016347801, 1.86413095913],
    ],
    "Muon as AdamW": [
        [1.00966358146, -0.496167262655, 0.247500004748, 1.98000005674],
        [1.01926502526, -0.491137784168, 0.245025004847, 1.96020005583],
        [0.988193215431, -0.466344883398, 0.233016339796, 1.86413079314],
    ],
    "LBFGS": [
        [0.790524499912, -0.247149774167, 0.422077124095, 1.39497587409],
        [0.597427850477, 0.198512200285, 0.650191574596, 0.964922172441],
        [0.595700913692, 0.59609638522, 0.595978164557, 0.597083393565],
    ],
    "LBFGS search": [
        [0.555845250954, 0.540217041164, 0.677278708093, 0.60882738431],
        [0.59617848908, 0.596058377928, 0.595974731188, 0.596027123142],
        [0.59607851678, 0.596076616366, 0.596064272123, 0.596073460215],
    ],
}


# The same for the optimisers of Keras.
KERAS_NUMBERS = {
    "SGD": [[1.0128845, -0.50076485, 0.25, 2], [1.1095643, -0.50002748, 0.25, 2], [1.0378474, -0.4996146, 0.25, 2]],
    "SGD momentum": [
        [1.0128845, -0.50076485, 0.25, 2],
        [1.0744805, -0.50071579, 0.25, 2],
        [1.1552627, -0.50021815, 0.25, 2],
    ],
    "SGD nesterov": [
        [1.0244805, -0.50145322, 0.25, 2],
        [1.0919152, -0.501638, 0.25, 2],
        [1.0939503, -0.50169146, 0.25, 2],
    ],
    "RMSprop": [
        [1.0316218, -0.53135592, 0.2500003, 2],
        [1.0629948, -0.50892019, 0.25000039, 2],
        [1.0434672, -0.50009614, 0.25000003, 2],
    ],
    "RMSprop centered": [
        [1.0333322, -0.53302121, 0.2500003, 2],
        [1.0920438, -0.54983521, 0.25000057, 2],
        [1.1744194, -0.56026524, 0.25000066, 2],
    ],
    "Adagrad": [
        [1.0899997, -0.59491467, 0.24750286, 1.98],
        [1.1782233, -0.51958919, 0.24502881, 1.9602001],
        [1.0632615, -0.469634, 0.2330163, 1.8641309],
    ],
    "Adadelta": [
        [1.000707, -0.50069535, 0.25, 2],
        [1.0016986, -0.50000417, 0.25, 2],
        [1.0008792, -0.49961835, 0.25, 2],
    ],
    "Adam": [
        [1.0999969, -0.599958, 0.25028509, 2],
        [1.1826053, -0.59652364, 0.25054809, 2],
        [1.2500323, -0.5753569, 0.25076938, 2],
    ],
    "Adam amsgrad": [
        [1.0999998, -0.59999585, 0.25277945, 2],
        [1.184073, -0.5907048, 0.25520524, 2],
        [1.2342933, -0.55886984, 0.25595424, 2],
    ],
    "AdamW": [
        [1.0899969, -0.59495801, 0.24778508, 1.98],
        [1.1617054, -0.58557409, 0.24557021, 1.9602001],
        [1.1706498, -0.53627992, 0.23375168, 1.8641309],
    ],
}


if __name__ == "__main__":
    for made, names in ((by_torch, CASES), (by_keras, KERAS)):
        for name in names:
            rows = ", ".join(f"[{', '.join(f'{number:.12g}' for number in row)}]" for row in made(name))
            print(f'    "{name}": [{rows}],')
