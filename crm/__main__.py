"""`python -m crm` is `crm`."""

from crm.cli import main

if __name__ == "__main__":
    main()
