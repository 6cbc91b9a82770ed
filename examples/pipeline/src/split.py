"""Splits a table into one to train with and one to test with."""

import argparse

import pandas as pd

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", required=True)
parser.add_argument("--seed", type=int, default=7)
parser.add_argument("--train", required=True)
parser.add_argument("--test", required=True)
arguments = parser.parse_args()

table = pd.read_csv(arguments.data)
test = table.sample(frac=0.2, random_state=arguments.seed)
test.to_csv(arguments.test, index=False)
table.drop(test.index).to_csv(arguments.train, index=False)
print(f"{len(table) - len(test)} rows to train with, {len(test)} to test with")
