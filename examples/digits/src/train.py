"""Trains a small convolutional network on handwritten digits and logs it with MLflow."""

import argparse
from pathlib import Path

import matplotlib
import mlflow
import numpy as np
import pandas as pd
import torch
from mlflow.models import infer_signature
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

matplotlib.use("agg")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="CSV with 64 pixel columns and the column `target`")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--model", type=Path, help="folder to save the model in as well")
    return parser.parse_args()


def load(path: Path, seed: int) -> list[torch.Tensor]:
    """Training images, test images (rows of 64 grey values from 0 to 16), and the digits of both."""
    frame = pd.read_csv(path)
    images = frame.drop(columns="target").to_numpy(np.float32)
    labels = frame["target"].to_numpy(np.int64)
    parts = train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=seed)
    return [torch.from_numpy(part) for part in parts]


def make_network() -> nn.Module:
    """Takes rows of 64 grey values, gives ten scores a row."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.BatchNorm2d(1),
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(32 * 4 * 4, 10),
    )


@torch.no_grad()
def predict(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    network.eval()
    return network(images).argmax(1)


def train(network: nn.Module, arguments: argparse.Namespace, parts: list[torch.Tensor]) -> float:
    """Log the loss of each step and the accuracy of each epoch; returns the last accuracy."""
    images, test_images, labels, test_labels = parts
    batches = DataLoader(TensorDataset(images, labels), arguments.batch_size, shuffle=True)
    optimizer = torch.optim.Adam(network.parameters(), lr=arguments.learning_rate)
    step, accuracy = 0, 0.0
    for epoch in range(1, arguments.epochs + 1):
        network.train()
        for batch, wanted in batches:
            loss = nn.functional.cross_entropy(network(batch), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            mlflow.log_metric("loss", loss.item(), step=step)
        accuracy = (predict(network, test_images) == test_labels).float().mean().item()
        mlflow.log_metric("accuracy", accuracy, step=step)
        print(f"epoch {epoch:2}/{arguments.epochs}  loss {loss.item():.4f}  accuracy {accuracy:.4f}", flush=True)
    return accuracy


def log_confusion(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> None:
    display = ConfusionMatrixDisplay.from_predictions(labels, predict(network, images), cmap="Blues", colorbar=False)
    display.ax_.set_title("Digits of the test images")
    mlflow.log_figure(display.figure_, "confusion_matrix.png")


def log_model(network: nn.Module, images: torch.Tensor, folder: Path | None) -> None:
    example = images[:2].numpy()
    with torch.no_grad():
        signature = infer_signature(example, network.eval()(images[:2]).numpy())
    described = {
        "signature": signature,
        "input_example": example,
        "pip_requirements": [f"mlflow=={mlflow.__version__}", f"torch=={torch.__version__.split('+')[0]}"],
    }
    mlflow.pytorch.log_model(network, name="model", **described)
    if folder:
        mlflow.pytorch.save_model(network, folder, **described)


def main() -> None:
    arguments = read_arguments()
    # The network is so small that more threads would only wait for each other.
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    parts = load(arguments.data, arguments.seed)
    print(f"{len(parts[0])} images to train on, {len(parts[1])} to test with", flush=True)
    network = make_network()
    with mlflow.start_run():
        mlflow.log_params(
            {name: getattr(arguments, name) for name in ("epochs", "learning_rate", "batch_size", "seed")}
            | {"weights": sum(weights.numel() for weights in network.parameters())}
        )
        accuracy = train(network, arguments, parts)
        log_confusion(network, parts[1], parts[3])
        print("saving the model", flush=True)
        log_model(network, parts[1], arguments.model)
    print(f"done: accuracy {accuracy:.4f}", flush=True)


if __name__ == "__main__":
    main()
