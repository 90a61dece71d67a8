;; compile-bomb: three kilobytes that would keep the compiler busy for many seconds.
;;
;; At the head of each loop, each variable may have two values, so the compiler's work grows with the
;; product of loops and variables. The component is rejected before it runs: by the count of its
;; structure, or else by the budget of compiling it. `run` is never entered.
(component
  (core module $module
    (func (export "run") (result i32)
      (local
        i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32
        i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32
        i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32
        i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32
        i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32
        i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32
      )
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop loop
      ;; Every variable changes.
      (local.set 0 (i32.add (local.get 0) (i32.const 1))) (local.set 1 (i32.add (local.get 1) (i32.const 1)))
      (local.set 2 (i32.add (local.get 2) (i32.const 1))) (local.set 3 (i32.add (local.get 3) (i32.const 1)))
      (local.set 4 (i32.add (local.get 4) (i32.const 1))) (local.set 5 (i32.add (local.get 5) (i32.const 1)))
      (local.set 6 (i32.add (local.get 6) (i32.const 1))) (local.set 7 (i32.add (local.get 7) (i32.const 1)))
      (local.set 8 (i32.add (local.get 8) (i32.const 1))) (local.set 9 (i32.add (local.get 9) (i32.const 1)))
      (local.set 10 (i32.add (local.get 10) (i32.const 1))) (local.set 11 (i32.add (local.get 11) (i32.const 1)))
      (local.set 12 (i32.add (local.get 12) (i32.const 1))) (local.set 13 (i32.add (local.get 13) (i32.const 1)))
      (local.set 14 (i32.add (local.get 14) (i32.const 1))) (local.set 15 (i32.add (local.get 15) (i32.const 1)))
      (local.set 16 (i32.add (local.get 16) (i32.const 1))) (local.set 17 (i32.add (local.get 17) (i32.const 1)))
      (local.set 18 (i32.add (local.get 18) (i32.const 1))) (local.set 19 (i32.add (local.get 19) (i32.const 1)))
      (local.set 20 (i32.add (local.get 20) (i32.const 1))) (local.set 21 (i32.add (local.get 21) (i32.const 1)))
      (local.set 22 (i32.add (local.get 22) (i32.const 1))) (local.set 23 (i32.add (local.get 23) (i32.const 1)))
      (local.set 24 (i32.add (local.get 24) (i32.const 1))) (local.set 25 (i32.add (local.get 25) (i32.const 1)))
      (local.set 26 (i32.add (local.get 26) (i32.const 1))) (local.set 27 (i32.add (local.get 27) (i32.const 1)))
      (local.set 28 (i32.add (local.get 28) (i32.const 1))) (local.set 29 (i32.add (local.get 29) (i32.const 1)))
      (local.set 30 (i32.add (local.get 30) (i32.const 1))) (local.set 31 (i32.add (local.get 31) (i32.const 1)))
      (local.set 32 (i32.add (local.get 32) (i32.const 1))) (local.set 33 (i32.add (local.get 33) (i32.const 1)))
      (local.set 34 (i32.add (local.get 34) (i32.const 1))) (local.set 35 (i32.add (local.get 35) (i32.const 1)))
      (local.set 36 (i32.add (local.get 36) (i32.const 1))) (local.set 37 (i32.add (local.get 37) (i32.const 1)))
      (local.set 38 (i32.add (local.get 38) (i32.const 1))) (local.set 39 (i32.add (local.get 39) (i32.const 1)))
      (local.set 40 (i32.add (local.get 40) (i32.const 1))) (local.set 41 (i32.add (local.get 41) (i32.const 1)))
      (local.set 42 (i32.add (local.get 42) (i32.const 1))) (local.set 43 (i32.add (local.get 43) (i32.const 1)))
      (local.set 44 (i32.add (local.get 44) (i32.const 1))) (local.set 45 (i32.add (local.get 45) (i32.const 1)))
      (local.set 46 (i32.add (local.get 46) (i32.const 1))) (local.set 47 (i32.add (local.get 47) (i32.const 1)))
      (local.set 48 (i32.add (local.get 48) (i32.const 1))) (local.set 49 (i32.add (local.get 49) (i32.const 1)))
      (local.set 50 (i32.add (local.get 50) (i32.const 1))) (local.set 51 (i32.add (local.get 51) (i32.const 1)))
      (local.set 52 (i32.add (local.get 52) (i32.const 1))) (local.set 53 (i32.add (local.get 53) (i32.const 1)))
      (local.set 54 (i32.add (local.get 54) (i32.const 1))) (local.set 55 (i32.add (local.get 55) (i32.const 1)))
      (local.set 56 (i32.add (local.get 56) (i32.const 1))) (local.set 57 (i32.add (local.get 57) (i32.const 1)))
      (local.set 58 (i32.add (local.get 58) (i32.const 1))) (local.set 59 (i32.add (local.get 59) (i32.const 1)))
      (local.set 60 (i32.add (local.get 60) (i32.const 1))) (local.set 61 (i32.add (local.get 61) (i32.const 1)))
      (local.set 62 (i32.add (local.get 62) (i32.const 1))) (local.set 63 (i32.add (local.get 63) (i32.const 1)))
      (local.set 64 (i32.add (local.get 64) (i32.const 1))) (local.set 65 (i32.add (local.get 65) (i32.const 1)))
      (local.set 66 (i32.add (local.get 66) (i32.const 1))) (local.set 67 (i32.add (local.get 67) (i32.const 1)))
      (local.set 68 (i32.add (local.get 68) (i32.const 1))) (local.set 69 (i32.add (local.get 69) (i32.const 1)))
      (local.set 70 (i32.add (local.get 70) (i32.const 1))) (local.set 71 (i32.add (local.get 71) (i32.const 1)))
      (local.set 72 (i32.add (local.get 72) (i32.const 1))) (local.set 73 (i32.add (local.get 73) (i32.const 1)))
      (local.set 74 (i32.add (local.get 74) (i32.const 1))) (local.set 75 (i32.add (local.get 75) (i32.const 1)))
      (local.set 76 (i32.add (local.get 76) (i32.const 1))) (local.set 77 (i32.add (local.get 77) (i32.const 1)))
      (local.set 78 (i32.add (local.get 78) (i32.const 1))) (local.set 79 (i32.add (local.get 79) (i32.const 1)))
      (local.set 80 (i32.add (local.get 80) (i32.const 1))) (local.set 81 (i32.add (local.get 81) (i32.const 1)))
      (local.set 82 (i32.add (local.get 82) (i32.const 1))) (local.set 83 (i32.add (local.get 83) (i32.const 1)))
      (local.set 84 (i32.add (local.get 84) (i32.const 1))) (local.set 85 (i32.add (local.get 85) (i32.const 1)))
      (local.set 86 (i32.add (local.get 86) (i32.const 1))) (local.set 87 (i32.add (local.get 87) (i32.const 1)))
      (local.set 88 (i32.add (local.get 88) (i32.const 1))) (local.set 89 (i32.add (local.get 89) (i32.const 1)))
      (local.set 90 (i32.add (local.get 90) (i32.const 1))) (local.set 91 (i32.add (local.get 91) (i32.const 1)))
      (local.set 92 (i32.add (local.get 92) (i32.const 1))) (local.set 93 (i32.add (local.get 93) (i32.const 1)))
      (local.set 94 (i32.add (local.get 94) (i32.const 1))) (local.set 95 (i32.add (local.get 95) (i32.const 1)))
      (local.set 96 (i32.add (local.get 96) (i32.const 1))) (local.set 97 (i32.add (local.get 97) (i32.const 1)))
      (local.set 98 (i32.add (local.get 98) (i32.const 1))) (local.set 99 (i32.add (local.get 99) (i32.const 1)))
      (local.set 100 (i32.add (local.get 100) (i32.const 1))) (local.set 101 (i32.add (local.get 101) (i32.const 1)))
      (local.set 102 (i32.add (local.get 102) (i32.const 1))) (local.set 103 (i32.add (local.get 103) (i32.const 1)))
      (local.set 104 (i32.add (local.get 104) (i32.const 1))) (local.set 105 (i32.add (local.get 105) (i32.const 1)))
      (local.set 106 (i32.add (local.get 106) (i32.const 1))) (local.set 107 (i32.add (local.get 107) (i32.const 1)))
      (local.set 108 (i32.add (local.get 108) (i32.const 1))) (local.set 109 (i32.add (local.get 109) (i32.const 1)))
      (local.set 110 (i32.add (local.get 110) (i32.const 1))) (local.set 111 (i32.add (local.get 111) (i32.const 1)))
      (local.set 112 (i32.add (local.get 112) (i32.const 1))) (local.set 113 (i32.add (local.get 113) (i32.const 1)))
      (local.set 114 (i32.add (local.get 114) (i32.const 1))) (local.set 115 (i32.add (local.get 115) (i32.const 1)))
      (local.set 116 (i32.add (local.get 116) (i32.const 1))) (local.set 117 (i32.add (local.get 117) (i32.const 1)))
      (local.set 118 (i32.add (local.get 118) (i32.const 1))) (local.set 119 (i32.add (local.get 119) (i32.const 1)))
      (local.set 120 (i32.add (local.get 120) (i32.const 1))) (local.set 121 (i32.add (local.get 121) (i32.const 1)))
      (local.set 122 (i32.add (local.get 122) (i32.const 1))) (local.set 123 (i32.add (local.get 123) (i32.const 1)))
      (local.set 124 (i32.add (local.get 124) (i32.const 1))) (local.set 125 (i32.add (local.get 125) (i32.const 1)))
      (local.set 126 (i32.add (local.get 126) (i32.const 1))) (local.set 127 (i32.add (local.get 127) (i32.const 1)))
      (local.set 128 (i32.add (local.get 128) (i32.const 1))) (local.set 129 (i32.add (local.get 129) (i32.const 1)))
      (local.set 130 (i32.add (local.get 130) (i32.const 1))) (local.set 131 (i32.add (local.get 131) (i32.const 1)))
      (local.set 132 (i32.add (local.get 132) (i32.const 1))) (local.set 133 (i32.add (local.get 133) (i32.const 1)))
      (local.set 134 (i32.add (local.get 134) (i32.const 1))) (local.set 135 (i32.add (local.get 135) (i32.const 1)))
      (local.set 136 (i32.add (local.get 136) (i32.const 1))) (local.set 137 (i32.add (local.get 137) (i32.const 1)))
      (local.set 138 (i32.add (local.get 138) (i32.const 1))) (local.set 139 (i32.add (local.get 139) (i32.const 1)))
      (local.set 140 (i32.add (local.get 140) (i32.const 1))) (local.set 141 (i32.add (local.get 141) (i32.const 1)))
      (local.set 142 (i32.add (local.get 142) (i32.const 1))) (local.set 143 (i32.add (local.get 143) (i32.const 1)))
      (local.set 144 (i32.add (local.get 144) (i32.const 1))) (local.set 145 (i32.add (local.get 145) (i32.const 1)))
      (local.set 146 (i32.add (local.get 146) (i32.const 1))) (local.set 147 (i32.add (local.get 147) (i32.const 1)))
      (local.set 148 (i32.add (local.get 148) (i32.const 1))) (local.set 149 (i32.add (local.get 149) (i32.const 1)))
      ;; Each loop may begin again.
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end (br_if 0 (local.get 0)) end
      i32.const 0))
  (core instance $guest (instantiate $module))

  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance (export "wasi:cli/run@0.2.0")
    (export "run" (func $run))))
