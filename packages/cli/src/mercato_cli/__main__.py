"""`python -m mercato_cli`: the `mp` command where its script is not on the path."""

from mercato_cli.entry import main

main()
