import sys
import unittest


class Sample(unittest.TestCase):
    def test_adds(self):
        """Adds whole numbers."""
        self.assertEqual(1 + 1, 2)

    def test_divides(self):
        sys.stderr.write("about to divide ")
        self.assertEqual(1 / 2, 0)

    @unittest.skip("no time")
    def test_multiplies(self):
        self.fail()

    def test_many(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertLess(number, 9)
