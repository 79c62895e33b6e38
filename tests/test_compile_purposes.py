"""What kernels are for: forward, backward or update, and of which layers and functions, in `explain()` of a compiled step."""

import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras, nn
from tinygrad_ml.machine import machine_code

pytestmark = pytest.mark.host_only
of_loops = pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]")


def called(function, *args, **options):
    step = tg.compile(function, **options)
    step(*args)
    step(*args)
    return step


def told(step):
    """(part, purpose, operations) of each kernel, in the order in which they run."""
    explanation = step.explanation
    return [
        (explanation.phases[kernel].text(explanation.turns), explanation.purposes[kernel], kernel.name)
        for kernel in explanation.kernels
    ]


def by_part(step):
    """The purposes of all kernels, by the part of the step."""
    found: dict[str, list[str]] = {}
    for part, purpose, _ in told(step):
        found.setdefault(part, []).append(purpose)
    return found


def trained(model, optimizer, loss, *args):
    def train(*args):
        optimizer.zero_grad()
        value = loss(model, *args)
        value.backward()
        optimizer.step()
        return value

    return called(train, *args)


@of_loops
def test_kernels_of_a_network_are_named_after_its_layers_and_its_loss():
    model = nn.Sequential(nn.Linear(300, 200), nn.Sigmoid(), nn.Linear(200, 10))
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    labels = tg.tensor([1, 2, 3])
    step = trained(model, optimizer, lambda m, x, y: nn.functional.cross_entropy(m(x), y), tg.ones((3, 300)), labels)
    found = by_part(step)
    assert set(found) == {"forward", "backward", "update"}
    assert "0 Linear, 1 Sigmoid; gradient of 1 Sigmoid" in found["forward"]
    assert any("2 Linear, cross_entropy" in purpose for purpose in found["forward"])
    assert "gradient of 2 Linear" in found["backward"]
    assert {"SGD of 0.weight", "SGD of 2.weight"} <= set(found["update"])
    assert not any("gradient" in purpose and "SGD" not in purpose for purpose in found["update"])
    assert not any("Adam" in purpose or "SGD" in purpose for purpose in found["forward"])


def test_the_table_is_grouped_and_its_numbers_are_the_order_of_running():
    model = nn.Sequential(nn.Linear(300, 200), nn.Tanh(), nn.Linear(200, 100))
    step = trained(model, tg.optim.Adam(model.parameters()), lambda m, x: (m(x) ** 2).mean(), tg.ones((3, 300)))
    lines = step.explain().splitlines()
    places = [lines.index(f"    {part}") for part in ("forward", "backward", "update")]
    assert places == sorted(places) and places[0] == 1
    assert any("0 Linear, 1 Tanh; gradient of 1 Tanh:" in " ".join(lines[i : i + 2]) for i in range(len(lines)))
    numbers = [int(line[:3]) for line in lines if line[:3].strip().isdigit()]
    assert sorted(numbers) == list(range(1, len(step.explanation.kernels) + 1))
    assert max(map(len, lines)) <= 100
    grouped = step.explanation.grouped()
    assert sum(map(len, grouped.values())) == len(step.explanation.kernels)


@of_loops
def test_functions_in_a_module_stand_with_its_path_and_operations_by_their_names():
    class Block(nn.Module):
        def __init__(self):
            self.inner = nn.Linear(200, 200)

        def forward(self, x):
            return nn.functional.relu(x + self.inner(x)).sum(axis=1)

    class Net(nn.Module):
        def __init__(self):
            self.block = Block()

        def forward(self, x):
            return self.block(x)

    model = Net()
    found = [purpose for _, purpose, _ in told(called(lambda x: model(x), tg.ones((50, 200))))]
    assert found[-1] == "block.inner Linear, block add, block relu, block sum"
    bare = told(called(lambda x: (x * 2).sin(), tg.ones(3)))
    assert bare == [("forward", "", "mul sin")]
    assert "forward" not in called(lambda x: (x * 2).sin(), tg.ones(3)).explain()


def test_two_networks_in_one_step_have_their_turns():
    generator, critic = nn.Linear(200, 150), nn.Linear(150, 1)
    of_generator, of_critic = (tg.optim.SGD(m.parameters(), lr=0.1) for m in (generator, critic))

    def train(z, real):
        fake = generator(z)
        of_critic.zero_grad()
        (critic(fake.detach()) - critic(real)).mean().backward()
        of_critic.step()
        of_generator.zero_grad()
        loss = -critic(fake).mean()
        loss.backward()
        of_generator.step()
        return loss

    found = set(by_part(called(train, tg.ones((50, 200)), tg.ones((50, 150)))))
    assert found == {f"{part} {turn}" for part in ("forward", "backward", "update") for turn in (1, 2)}


def test_what_one_call_computes_is_of_one_turn_also_what_needs_nothing_new():
    judge = nn.Linear(200, 1)
    optimizer = tg.optim.Adam(judge.parameters())

    def train(x, answers):
        for _ in range(2):
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(judge(x), answers)  # makes 1 - answers, twice
            loss.backward()
            optimizer.step()
        return loss

    step = called(train, tg.ones((50, 200)), tg.ones((50, 1)), without=("equal",))
    purposes, found = step.explanation.purposes_at("recorded"), {}
    for instruction in step.stages["recorded"].instructions:
        if call := purposes.call(instruction.output):
            found.setdefault(call, set()).add(purposes.phase(instruction.output).turn)
    assert all(len(turns) == 1 for turns in found.values()) and purposes.turns == 2
    assert {next(iter(turns)) for turns in found.values()} == {1, 2}


def test_the_layers_of_two_networks_are_told_apart():
    makes, judges = (nn.Sequential(nn.Linear(200, 150), nn.ReLU(), nn.Linear(150, 100)) for _ in range(2))

    class Critic(nn.Module):
        def __init__(self):
            self.inner = nn.Linear(150, 1)

        def forward(self, x):
            return self.inner(x).tanh()

    critic = Critic()
    optimizer = tg.optim.SGD([*makes.parameters(), *judges.parameters(), *critic.parameters()], lr=0.1)

    def train(x):
        optimizer.zero_grad()
        loss = (makes(x) * judges(x)).mean() + critic(x[:, :150]).mean()
        loss.backward()
        optimizer.step()
        return loss

    words = {name for purposes in by_part(called(train, tg.ones((50, 200)))).values() for name in purposes}
    told = " ".join(words)
    for name in ("Sequential₁.0 Linear", "Sequential₂.0 Linear", "Critic.inner Linear", "Critic tanh"):
        assert name in told
    assert {"SGD of Sequential₁.0.weight", "SGD of Sequential₂.0.weight"} <= words
    alone = trained(makes, tg.optim.SGD(makes.parameters(), lr=0.1), lambda m, x: m(x).mean(), tg.ones((50, 200)))
    assert not any("Sequential" in name for purposes in by_part(alone).values() for name in purposes)


def test_updates_that_are_written_by_hand_are_known_by_what_becomes_of_them():
    w = tg.tensor([[1.0] * 200] * 300, requires_grad=True, name="w")
    b = tg.tensor([0.0] * 200, requires_grad=True, name="b")

    def train(x):
        w.grad = b.grad = None
        loss = (x @ w + b).tanh().sum()
        loss.backward()
        w.grad = w.grad * 0.5
        with tg.no_grad():
            w.assign(w - 0.1 * w.grad)
        return loss

    parts = {name: part for part, _, name in told(called(train, tg.ones((50, 300)), without=("fusion",)))}
    assert parts["tanh"] == "forward"
    step = called(train, tg.ones((50, 300)), without=("fusion",))
    purposes = step.explanation.purposes_at()
    parts = {i.op.name: purposes.phase(i.output).name for i in step.program.instructions}
    assert (parts["matmul"], parts["tanh"], parts["sub"]) == ("backward", "forward", "update")
    (written,) = [value for memory, value in step.program.writes if memory.source.name == "w"]
    assert purposes.phase(written).name == "update"
    halved = next(v for v, what in zip(step.program.results, step.explanation.results, strict=True) if what == "w.grad")
    assert purposes.phase(halved).name == "backward"


def test_clipping_is_part_of_the_update_and_running_statistics_are_not():
    model = nn.Sequential(nn.Linear(200, 100), nn.BatchNorm1d(100))
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    def train(x):
        optimizer.zero_grad()
        loss = model(x).tanh().mean()
        loss.backward()
        norm = tg.optim.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss, norm

    step = called(train, tg.random.rand(50, 200))
    assert any("clip_grad_norm_" in purpose for purpose in by_part(step)["update"])
    purposes = step.explanation.purposes_at()
    (norm,) = [v for v, what in zip(step.program.results, step.explanation.results, strict=True) if what == "returned"][
        1:
    ]
    assert purposes.phase(norm).name == "update"
    for memory, value in step.program.writes:
        if "running" in memory.source.name:
            assert purposes.phase(value).name == "forward"


def test_a_penalty_on_a_gradient_is_computed_forward_again():
    model = nn.Linear(200, 150)

    def train(x):
        (g,) = tg.grad(model(x).tanh().sum(), model.weight, create_graph=True)
        loss = (g * g).mean()
        model.weight.grad = None
        loss.backward()
        return loss

    step = called(train, tg.ones((50, 200)), without=("fusion",))
    purposes = step.explanation.purposes_at()
    (loss,) = [v for v, what in zip(step.program.results, step.explanation.results, strict=True) if what == "returned"]
    assert purposes.phase(loss).text(purposes.turns) == "forward 2"
    assert any("gradient of gradient of Linear" in purpose for _, purpose, _ in told(step))


def test_steps_of_keras_are_told_in_the_same_words():
    model = keras.Sequential([keras.layers.Dense(100, activation="relu"), keras.layers.Dense(10)])
    model.compile(optimizer=keras.optimizers.AdamW(weight_decay=0.01), loss="mse")
    model(tg.ones((20, 200)))
    optimizer = model.optimizer

    def train(x):
        for w in model.trainable_variables:
            w.grad = None
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step(model.trainable_variables)
        return loss

    found = by_part(called(train, tg.ones((20, 200))))
    assert set(found) == {"forward", "backward", "update"}
    assert any("Dense" in purpose for purpose in found["forward"])
    assert all("AdamW" in purpose for purpose in found["update"])


def test_errors_inside_of_an_update_name_the_parameter():
    class Wrong(tg.optim.SGD):
        def update(self, p, g, state, n, group):
            return (p + tg.ones(7),)

    model = nn.Sequential(nn.Linear(3, 2))
    optimizer = Wrong(model.parameters(), lr=0.1)
    with pytest.raises(tg.errors.ShapeError, match=r"add in Wrong of 0.weight"):
        trained(model, optimizer, lambda m, x: m(x).sum(), tg.ones((2, 3)))
