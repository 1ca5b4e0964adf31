"""Starts the server of one saved version: `python -m digits.serve --model_dir DIR --model_name M`.

Without torch at the top: worker processes import this module before they may
answer the supervisor's pings.
"""

from digits.classifier import DigitsClassifier
from sluice_models import serve

if __name__ == "__main__":
    serve(DigitsClassifier)
