// SPDX-License-Identifier: Apache-2.0
// What is due in the next cycles: a ring of lists, one for each cycle. Lists keep their memory, so that a steady run
// allocates nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::engine {

template <class T>
class List {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] T* begin() { return data_.data(); }
  [[nodiscard]] T* end() { return data_.data() + size_; }
  [[nodiscard]] const T* begin() const { return data_.data(); }
  [[nodiscard]] const T* end() const { return data_.data() + size_; }
  [[nodiscard]] T& operator[](std::size_t i) { return data_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return data_[i]; }
  void clear() { size_ = 0; }
  void push(const T& value) {
    if (size_ == data_.size()) data_.resize(2 * size_ + 16);
    data_[size_++] = value;
  }
  /// The end, with room for `more` behind it; finish(end) says how far it was written.
  T* room(std::size_t more) {
    if (size_ + more > data_.size()) data_.resize(2 * (size_ + more));
    return data_.data() + size_;
  }
  void finish(const T* end) { size_ = static_cast<std::size_t>(end - data_.data()); }
  void drop_front(std::size_t count) {
    for (std::size_t i = count; i < size_; ++i) data_[i - count] = data_[i];
    size_ -= count;
  }

 private:
  std::vector<T> data_;
  std::size_t size_ = 0;
};

template <class T>
class Calendar {
 public:
  /// Holds what is due up to `horizon` cycles ahead.
  explicit Calendar(Cycles horizon = 1) {
    std::size_t size = 2;
    while (size <= static_cast<std::size_t>(horizon)) size *= 2;
    lists_.resize(size);
    mask_ = size - 1;
  }
  [[nodiscard]] List<T>& at(Cycles cycle) { return lists_[static_cast<std::size_t>(cycle) & mask_]; }
  [[nodiscard]] Cycles horizon() const { return static_cast<Cycles>(lists_.size()); }
  /// Of all lists.
  [[nodiscard]] std::size_t size() const {
    std::size_t sum = 0;
    for (const List<T>& list : lists_) sum += list.size();
    return sum;
  }
  /// Every list, in no order of time.
  [[nodiscard]] const std::vector<List<T>>& lists() const { return lists_; }

 private:
  std::vector<List<T>> lists_;
  std::size_t mask_ = 0;
};

/// Cycles in which something is due, so that the others are passed over: a ring of bits.
class DueCycles {
 public:
  /// Takes cycles up to `horizon` ahead.
  explicit DueCycles(Cycles horizon) {
    std::size_t size = 2;
    while (size * 64 <= static_cast<std::size_t>(horizon) + 64) size *= 2;
    words_.resize(size);
  }
  void add(Cycles cycle) { word(cycle) |= 1ull << (static_cast<std::uint64_t>(cycle) & 63); }
  void pass(Cycles cycle) { word(cycle) &= ~(1ull << (static_cast<std::uint64_t>(cycle) & 63)); }
  /// Bit i: cycle `from` + i, of the next 64; `from` is not in the past.
  [[nodiscard]] std::uint64_t ahead(Cycles from) const {
    const std::uint64_t shift = static_cast<std::uint64_t>(from) & 63, word = static_cast<std::uint64_t>(from) / 64;
    const std::size_t mask = words_.size() - 1;
    const std::uint64_t near = words_[word & mask] >> shift;
    return shift == 0 ? near : near | words_[(word + 1) & mask] << (64 - shift);
  }

 private:
  [[nodiscard]] std::uint64_t& word(Cycles cycle) {
    return words_[static_cast<std::size_t>(cycle) / 64 & (words_.size() - 1)];
  }
  std::vector<std::uint64_t> words_;
};

}  // namespace dojo::engine
