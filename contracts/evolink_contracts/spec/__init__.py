"""The API's facts as typed, frozen rows. Standard library only; every row names its source and its basis."""
