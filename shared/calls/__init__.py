"""What steps do where there is no command line: typed actions, one file for each family."""
