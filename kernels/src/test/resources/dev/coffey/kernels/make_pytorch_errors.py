"""Writes pytorch-errors.csv: how far PyTorch's operations are from double precision when numbers are stored in fp32, fp16 and bf16.

    python make_pytorch_errors.py > pytorch-errors.csv

Needs torch and numpy. PyTorchErrorTest makes the same inputs and asks of the CUDA kernels at most twice these errors. Inputs are
multiples of a power of two that every precision holds exactly, drawn from the same generator on both sides; `norm` and `check` (a sum
of the results, each times a number of its own) let the test see that both sides compute the same thing.
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F

ROWS = 33
WIDTH = 768
LENGTHS = [1, 2, 17, 63, 64, 65, 127, 128, 129, 130]
PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class Inputs:
    """Java's SplittableRandom(0): 7 bits of each number, times a power of two."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.drawn = 0

    def integers(self, count):
        with np.errstate(over="ignore"):
            z = np.arange(self.drawn + 1, self.drawn + count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
        self.drawn += count
        return z.view(np.int64) >> np.int64(57)

    def numbers(self, rows, columns, largest=1.0):
        """From -largest to largest."""
        values = self.integers(rows * columns).astype(np.float64) * (largest / 64)
        return torch.from_numpy(values.reshape(rows, columns)).to(self.dtype)

    def vector(self, columns):
        return self.numbers(1, columns)[0]


def product(rows, inputs, outputs, activation=None, residual=False, norm=False):
    def run(data):
        x = data.numbers(rows, inputs)
        # A power of two near 2/sqrt(inputs), so that results are around 1, where activations bend.
        weight = data.numbers(outputs, inputs, 2.0 ** -int(np.log2(inputs) / 2 - 1))
        bias = data.vector(outputs)
        y = F.linear(x, weight, bias)
        if activation:
            y = activation(y)
        if residual:
            y = y + data.numbers(rows, outputs)
        if norm:
            y = F.layer_norm(y, (outputs,), data.vector(outputs), data.vector(outputs), 1e-12)
        return y

    return run


def attention(lengths, heads, width):
    def run(data):
        tokens = sum(lengths)
        # Scores then spread over a few units, so that the softmax is far from even.
        q = data.numbers(tokens, heads * width, 4.0)
        k = data.numbers(tokens, heads * width)
        v = data.numbers(tokens, heads * width)
        parts = []
        start = 0
        for length in lengths:
            q1, k1, v1 = (t[start : start + length].reshape(1, length, heads, width).transpose(1, 2) for t in (q, k, v))
            y = F.scaled_dot_product_attention(q1, k1, v1)
            parts.append(y.transpose(1, 2).reshape(length, heads * width))
            start += length
        return torch.cat(parts)

    return run


def add_position_norm(typed):
    def run(data):
        x = data.numbers(ROWS, WIDTH)
        y = x + data.numbers(ROWS, WIDTH)
        if typed:
            y = y + data.numbers(1, WIDTH)
        return F.layer_norm(y, (WIDTH,), data.vector(WIDTH), data.vector(WIDTH), 1e-12)

    return run


def affine(data):
    x = data.numbers(ROWS, WIDTH)
    return data.vector(WIDTH) * x + data.vector(WIDTH)


def neighbours(data):
    x = data.numbers(ROWS, WIDTH)
    zero = torch.zeros_like(x[:1])
    return torch.cat([torch.cat([zero, x[:-1]]), x, torch.cat([x[1:], zero])], dim=1)


def layer_norm(data):
    return F.layer_norm(data.numbers(ROWS, WIDTH), (WIDTH,), data.vector(WIDTH), data.vector(WIDTH), 1e-12)


def weighted_mean(x):
    weights = torch.arange(1, len(x) + 1, dtype=x.dtype).unsqueeze(1)
    return (x * weights).sum(0) / weights.sum(0)


def pool(one):
    def run(data):
        # Texts of 1, 3 and 29 rows.
        return torch.stack([one(x) for x in data.numbers(ROWS, WIDTH).split([1, 3, 29])])

    return run


def product_cases():
    yield "product", product(ROWS, WIDTH, 72)
    yield "product, GELU (erf)", product(ROWS, 128, 72, F.gelu)
    yield "product, GELU (tanh)", product(ROWS, 128, 72, lambda x: F.gelu(x, approximate="tanh"))
    yield "product, ReLU", product(ROWS, 128, 72, F.relu)
    yield "product, tanh", product(ROWS, 128, 72, torch.tanh)
    yield "product + residual", product(ROWS, WIDTH, 72, residual=True)
    yield "product + residual, norm", product(ROWS, 256, 136, residual=True, norm=True)


CASES = dict(product_cases()) | {
    "attention, D = 16, 1 to 130 keys": attention(range(1, 131), 1, 16),
    "attention, D = 26": attention(LENGTHS, 1, 26),
    "attention, D = 32": attention(LENGTHS, 1, 32),
    "attention, D = 64": attention(LENGTHS, 1, 64),
    "attention, D = 128": attention(LENGTHS, 1, 128),
    "attention, D = 64, 300 keys": attention([300], 1, 64),
    "position + norm": add_position_norm(False),
    "position + type + norm": add_position_norm(True),
    "gather": lambda data: data.numbers(ROWS, WIDTH).flip(0),
    "neighbours": neighbours,
    "norm": layer_norm,
    "norm, affine": affine,
    "pool, first row": pool(lambda x: x[0]),
    "pool, mean": pool(lambda x: x.mean(0)),
    "pool, maximum": pool(lambda x: x.max(0).values),
    "pool, mean-sqrt-length": pool(lambda x: x.sum(0) / torch.tensor(len(x), dtype=x.dtype).sqrt()),
    "pool, weighted mean": pool(weighted_mean),
    "pool, last row": pool(lambda x: x[-1]),
    "l2Normalize": lambda data: F.normalize(data.numbers(ROWS, WIDTH), dim=-1),
    "softmax": lambda data: torch.softmax(data.numbers(ROWS, WIDTH, 4.0), dim=-1),
}


def main():
    torch.set_num_threads(1)
    print(f"# PyTorch {torch.__version__} on a CPU ({torch.backends.cpu.get_cpu_capability()}), numpy {np.__version__}: make_pytorch_errors.py")
    print("# error: ||y - y64|| / ||y64||; largest: max |y - y64| / max |y64|")
    print("operation;norm;check;" + ";".join(f"{p} error;{p} largest" for p in PRECISIONS))
    for name, run in CASES.items():
        exact = run(Inputs(torch.float64))
        norm = exact.norm().item()
        check = (exact * Inputs(torch.float64).numbers(*exact.shape)).sum().item()
        line = [name, repr(norm), repr(check)]
        for dtype in PRECISIONS.values():
            difference = run(Inputs(dtype)).double() - exact
            line.append(f"{difference.norm().item() / norm:.3e}")
            line.append(f"{(difference.abs().max() / exact.abs().max()).item():.3e}")
        print(";".join(line))


if __name__ == "__main__":
    main()
