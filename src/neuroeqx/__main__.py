"""`python -m neuroeqx`"""

from .demos import main


if __name__ == "__main__":
    main()
