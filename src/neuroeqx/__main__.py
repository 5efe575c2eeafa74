"""`python -m neuroeqx`"""

from ._cli import main


if __name__ == "__main__":
    main()
