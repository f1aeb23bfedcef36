"""What lesson 11 reads of dreams: the census is whole, and its training counts are the card's."""

from cs231n_viz import data, models
from workshop.measure import dream_census


def test_the_census_counts_every_dream_once():
    census, classes = data.measured("dream_census"), models.load("coursenet", "cpu").class_names
    assert list(census["trained"]) == classes
    for row in census["seen"]:
        assert sum(row["after"].values()) == sum(row["before"].values()) == census["starts"]
        assert set(row["after"]) <= set(classes)


def test_the_censuss_training_counts_are_those_of_the_card():
    trained = data.measured("dream_census")["trained"]
    photographs = sum(number for name, number in trained.items() if not name.startswith("drawn "))
    assert photographs == 6667 and sum(trained.values()) == 9867


def test_the_starts_are_pictures_and_the_predictions_of_all_are_counted():
    model = models.load("coursenet", "cpu")
    for pixels in (dream_census.skies(3), dream_census.noise(3)):
        assert pixels.shape == (3, 3, 128, 128) and pixels.min() >= 0 and pixels.max() <= 1
        assert sum(dream_census.predictions(model, pixels).values()) == 3
