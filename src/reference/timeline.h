// SPDX-License-Identifier: Apache-2.0
// What is due in coming cycles: a ring of lists, one a cycle. Lists keep their memory, so a steady run allocates
// nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::reference {

template <class T>
class List {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] T* begin() { return data_.get(); }
  [[nodiscard]] T* end() { return data_.get() + size_; }
  void clear() { size_ = 0; }
  /// The end, with room for `more` behind it; finish(end) says how far it was written.
  T* room(std::size_t more) {
    if (size_ + more > capacity_) grow(size_ + more);
    return data_.get() + size_;
  }
  void finish(T* end) { size_ = static_cast<std::size_t>(end - data_.get()); }
  void push(const T& value) {
    *room(1) = value;
    ++size_;
  }

 private:
  void grow(std::size_t wanted) {
    capacity_ = wanted + wanted / 2;
    std::unique_ptr<T[]> larger(new T[capacity_]);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = data_[i];
    data_ = std::move(larger);
  }
  std::unique_ptr<T[]> data_;
  std::size_t size_ = 0, capacity_ = 0;
};

template <class T>
class Timeline {
 public:
  /// Holds what is due up to `horizon` cycles ahead.
  explicit Timeline(Cycles horizon = 1) {
    std::size_t size = 2;
    while (size <= static_cast<std::size_t>(horizon)) size *= 2;
    lists_.resize(size);
  }
  [[nodiscard]] List<T>& at(Cycles t) { return lists_[static_cast<std::size_t>(t) & (lists_.size() - 1)]; }
  [[nodiscard]] Cycles horizon() const { return static_cast<Cycles>(lists_.size()); }
  [[nodiscard]] std::size_t size() const {
    std::size_t sum = 0;
    for (const List<T>& list : lists_) sum += list.size();
    return sum;
  }

 private:
  std::vector<List<T>> lists_;
};

}  // namespace dojo::reference
