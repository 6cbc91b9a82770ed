"""Makes the three models that are served, and loads them: python models.py FOLDER"""

import pickle
import sys
from pathlib import Path

import numpy
import torch

WIDTH = 20
NAMES = ("mlp", "forest", "logistic")


def make(folder: Path) -> None:
    import mlflow
    from mlflow.models import infer_signature
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    random = numpy.random.default_rng(0)
    rows = random.normal(size=(2000, WIDTH)).astype("float32")
    labels = (rows[:, 0] + rows[:, 1] ** 2 > 1).astype(int)
    torch.manual_seed(0)
    mlp = torch.nn.Sequential(
        torch.nn.Linear(WIDTH, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 3)
    ).eval()
    torch.jit.script(mlp).save(folder / "mlp.pt")
    signature = infer_signature(rows, mlp(torch.tensor(rows)).detach().numpy())
    mlflow.pytorch.save_model(mlp, folder / "mlp", signature=signature, input_example=rows[:4])
    for name, model in (
        ("forest", RandomForestClassifier(200, random_state=0)),
        ("logistic", LogisticRegression()),
    ):
        model.fit(rows, labels)
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(model))
        signature = infer_signature(rows, model.predict(rows))
        mlflow.sklearn.save_model(
            model, folder / name, signature=signature, input_example=rows[:4], serialization_format="cloudpickle"
        )


def load(name: str, folder: Path):
    """A function from an array of rows to a list of predictions."""
    torch.set_num_threads(1)
    if name == "mlp":
        module = torch.jit.load(folder / "mlp.pt")

        def predict(rows):
            with torch.inference_mode():
                return module(torch.from_numpy(rows)).tolist()

        return predict
    model = pickle.loads((folder / f"{name}.pkl").read_bytes())
    return lambda rows: model.predict(rows).tolist()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
