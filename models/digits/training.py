"""Training on the CPU in seconds, the same numbers on every run."""

import numpy as np
import torch
from torch import nn

from digits import networks
from digits.preprocessing import Preprocessing
from digits.recipes import Recipe
from digits.scans import Scans


def train(recipe: Recipe, scans: Scans) -> nn.Module:
    """Return a network trained on `scans` by `recipe`, in evaluation mode.

    Training always prepares the scans rightly; what a version does at serving
    is `recipe.serving`, and a slip is the difference between the two.
    """
    torch.set_num_threads(1)  # more only fight over batches this small
    used = scans.first(recipe.training_scans)
    inputs = torch.from_numpy(Preprocessing().apply(used.images))
    labels = torch.from_numpy(used.labels)
    torch.manual_seed(recipe.seed)
    network = networks.build(recipe.architecture)
    _fit(network, inputs, labels, recipe)
    return network.eval()


def _fit(network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, recipe: Recipe) -> None:
    steps = recipe.epochs * -(-len(inputs) // recipe.batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps
    )
    loss_of = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    order = np.random.default_rng(recipe.seed)
    for _ in range(recipe.epochs):
        for batch in np.array_split(order.permutation(len(inputs)), steps // recipe.epochs):
            loss = loss_of(network(inputs[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
