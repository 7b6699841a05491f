"""SOAP: Adam that looks along the axes of a matrix's gradients instead of along its single weights.

Source: N. Vyas, D. Morwani, R. Zhao, M. Kwun, I. Shapira, D. Brandfonbrener, L. Janson, S. Kakade, "SOAP: improving and
stabilizing Shampoo using Adam", ICLR 2025, algorithm 3 (arxiv.org/abs/2409.11321); the preconditioner is that of V. Gupta,
T. Koren, Y. Singer, "Shampoo", ICML 2018.

Adam divides each weight's step by how large its own gradients have been. Where a loss is a long narrow valley that runs
across the weights' axes, as in deep autoencoders, of which J. Martens ("Deep learning via Hessian-free optimization", ICML
2010) showed it first, all weights have gradients of one size and Adam crosses the valley from side to side. The eigenvectors
of the mean of G G' and of G' G, of the gradients G of one matrix, are the valley's axes: Adam is at home in them.

Departures: the eigenvectors start as the unit matrix and are found by orthogonal iteration alone, one every `every` steps, so
that there is no first step that must be left out; biases, and kernels that are no matrices, are stepped by Adam.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class SOAP(keras.optimizers.Optimizer):
    """For small dense networks with large batches: a step costs matrix products of the weights' size, whatever the batch's.

    Args:
        learning_rate: as Adam's, or a schedule.
        beta_1, beta_2: what of the means of gradients and of their squares stays from one step to the next.
        shampoo_beta: the same of G G' and G' G.
        every: steps from one orthogonal iteration to the next.
        largest: rows or columns of a matrix above which that side keeps the weights' axes: its eigenvectors would cost too much.
        kwargs: of `keras.optimizers.Optimizer`: weight_decay, global_clipnorm, ...

    >>> import numpy as np
    >>> network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> network.compile(SOAP(0.01), "mse")
    >>> history = network.fit(np.eye(3), np.ones((3, 2)), epochs=9, verbose=0).history["loss"]
    >>> history[-1] < history[0]
    True
    """

    def __init__(
        self, learning_rate=3e-3, beta_1=0.95, beta_2=0.95, shampoo_beta=0.98, epsilon=1e-8, every=20, largest=512,
        name="soap", **kwargs,
    ):  # fmt: skip
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.beta_1, self.beta_2, self.shampoo_beta, self.epsilon = beta_1, beta_2, shampoo_beta, epsilon
        self.every, self.largest = every, largest

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._mean, self._square, self._sides = [], [], []
        for variable in variables:
            self._mean.append(self.add_variable_from_reference(variable, name="mean"))
            self._square.append(self.add_variable_from_reference(variable, name="square"))
            self._sides.append([self._side(size) for size in variable.shape] if len(variable.shape) == 2 else [])

    def _side(self, size: int):
        """(mean of G G' or G' G, its eigenvectors in columns), each (size, size); None where they would cost too much."""
        if size > self.largest:
            return None
        return tuple(
            self.add_variable((size, size), start, name=name)
            for start, name in (("zeros", "outer"), ("identity", "axes"))
        )

    def update_step(self, gradient, variable, learning_rate):
        """One step of one weight. In comments G is the gradient, (rows, columns), Q and R the eigenvectors of its sides."""
        i = self._get_variable_index(variable)
        gradient, rate = ops.cast(gradient, variable.dtype), ops.cast(learning_rate, variable.dtype)
        now = self.iterations + 1
        self.assign(self._mean[i], _mixed(self._mean[i], gradient, self.beta_1))
        seen, mean = self._turn(gradient, i), self._turn(ops.convert_to_tensor(self._mean[i]), i)  # Q' G R
        self.assign(self._square[i], _mixed(self._square[i], ops.square(seen), self.beta_2))
        # The means started from 0 and are too small by these shares (Kingma & Ba 2015, section 3).
        mean = mean / (1 - ops.power(self.beta_1, ops.cast(now, mean.dtype)))
        square = self._square[i] / (1 - ops.power(self.beta_2, ops.cast(now, mean.dtype)))
        self.assign_sub(variable, rate * self._turn(mean / (ops.sqrt(square) + self.epsilon), i, back=True))
        # Only now: a step goes along axes that do not depend on its own gradient.
        for axis, side in enumerate(self._sides[i]):
            if side:
                self._learn_axes(gradient if axis == 0 else ops.transpose(gradient), *side, now)

    def _turn(self, matrix, i: int, back: bool = False):
        """A matrix in the axes of the gradients' eigenvectors, Q' M R, or back from there, Q M R'."""
        for axis, side in enumerate(self._sides[i]):
            if side:
                axes = ops.convert_to_tensor(side[1])
                if axis == 0:
                    matrix = ops.matmul(axes if back else ops.transpose(axes), matrix)
                else:
                    matrix = ops.matmul(matrix, ops.transpose(axes) if back else axes)
        return matrix

    def _learn_axes(self, gradient, outer, axes, now):
        """G G' into its mean and, every so many steps, the eigenvectors one orthogonal iteration nearer to those of the mean."""
        mean = _mixed(outer, ops.matmul(gradient, ops.transpose(gradient)), self.shampoo_beta)
        self.assign(outer, mean)
        old = ops.convert_to_tensor(axes)
        self.assign(axes, ops.cond(now % self.every == 0, lambda: ops.qr(ops.matmul(mean, old))[0], lambda: old))

    def get_config(self):
        own = ("beta_1", "beta_2", "shampoo_beta", "epsilon", "every", "largest")
        return super().get_config() | {name: getattr(self, name) for name in own}


def _mixed(old, new, share: float):
    """`share` of the old, the rest of the new."""
    return share * ops.convert_to_tensor(old) + (1 - share) * new
