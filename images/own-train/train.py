"""A training script of one's own: no step of Howdah's, nothing of Howdah imported.

Reads every CSV file below /pfs/data, learns economy from a car's weight and year by least
squares, and writes to /pfs/out the model as ONNX and what it scores in cross validation.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_score

DATA, OUT = Path("/pfs/data"), Path("/pfs/out")
INPUTS, TARGET = ["Weight_in_lbs", "Year"], "Miles_per_Gallon"

cars = pd.concat([pd.read_csv(path) for path in sorted(DATA.rglob("*.csv"))])
cars = cars.dropna(subset=[*INPUTS, TARGET])
inputs, truth = cars[INPUTS].to_numpy(np.float32), cars[TARGET].to_numpy()
model = LinearRegression()
folds = cross_val_score(model, inputs, truth, cv=KFold(5, shuffle=True, random_state=0), scoring="r2")
model.fit(inputs, truth)
(OUT / "model.onnx").write_bytes(to_onnx(model, inputs[:1]).SerializeToString())
figures = {"rows": len(cars), "r2_cross_validated": round(float(folds.mean()), 4)}
(OUT / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n")
