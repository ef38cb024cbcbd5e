"""What a page says of one alert beside what the alert has: places, drawings, words, other answers.

All of it is pure but `versions_asked`, which reads the model versions that are asked.
"""
