// SPDX-License-Identifier: Apache-2.0

/// The system's random numbers, from a generator that is not empty: under the thread sanitizer, a generic function that gets an
/// empty value as an `inout` argument reads the memory at an undefined address.
struct SystemRandom: RandomNumberGenerator {
    private var generator = SystemRandomNumberGenerator()
    private var count = 0

    mutating func next() -> UInt64 {
        count &+= 1
        return generator.next()
    }
}
